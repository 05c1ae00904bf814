/* Request targets: what passes the check decodes to text without controls, and the
 * query's parameters are few, named and named once. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "http/query.h"
#include "http/target.h"

static void check_text(const char *s) {
  for (; *s; s++) CG_CHECK((uint8_t)*s >= 0x20 && *s != 0x7f);
}

static void check_query(const char *text, size_t n, struct cg_arena *arena) {
  char *copy = cg_arena_strndup(arena, text, n);
  struct cg_query *all;
  uint32_t count;
  if (!copy || cg_query_parse(copy, n, arena, &all, &count)) return;
  CG_CHECK(count <= CG_QUERY_MAX);
  for (uint32_t i = 0; i < count; i++) {
    CG_CHECK(all[i].name[0]);
    check_text(all[i].name);
    check_text(all[i].value);
    for (uint32_t k = 0; k < i; k++) CG_CHECK(strcmp(all[i].name, all[k].name) != 0);
  }
}

static void check_path(const char *text, size_t n, struct cg_arena *arena) {
  char *copy = cg_arena_strndup(arena, text, n);
  CG_CHECK(text[0] == '/');
  if (!copy || cg_percent_decode(copy, n, false) < 0) return;
  check_text(copy);
  CG_CHECK(!strstr(copy, "/../") && !strstr(copy, "/./") && !strchr(copy, '\\'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  struct cg_target t;
  if (cg_target_check(text, size, &t)) return 0;
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  CG_CHECK(arena && t.path + t.path_len <= size && t.query + t.query_len <= size);
  check_path(text + t.path, t.path_len, arena);
  if (t.query_len) check_query(text + t.query, t.query_len, arena);
  cg_arena_free(arena, NULL);
  return 0;
}
