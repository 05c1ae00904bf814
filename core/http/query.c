#include "http/query.h"

#include <string.h>

#include "http/target.h"

static const char *take(char *part, char *end, struct cg_query *q) {
  char *eq = memchr(part, '=', (size_t)(end - part));
  char *name_end = eq ? eq : end;
  if (name_end == part) return "the query has a parameter without a name";
  bool ok = cg_percent_decode(part, (size_t)(name_end - part), true) >= 0;
  q->name = part;
  q->value = "";
  if (eq) {
    ok = cg_percent_decode(eq + 1, (size_t)(end - eq - 1), true) >= 0 && ok;
    q->value = eq + 1;
  }
  return ok ? NULL : "the query is not UTF-8 text without control characters";
}

static bool among(const struct cg_query *all, uint32_t n, const char *name) {
  for (uint32_t i = 0; i < n; i++)
    if (strcmp(all[i].name, name) == 0) return true;
  return false;
}

static uint32_t count(const char *text, size_t n) {
  uint32_t parts = 1;
  for (size_t i = 0; i < n; i++) parts += text[i] == '&';
  return parts;
}

const char *cg_query_parse(char *text, size_t n, struct cg_arena *arena,
                           struct cg_query **ret, uint32_t *ret_n) {
  *ret_n = 0;
  if (n == 0) return NULL;
  uint32_t parts = count(text, n);
  if (parts > CG_QUERY_MAX) return "the query has more than 32 parameters";
  struct cg_query *all = cg_arena_alloc(arena, parts * sizeof *all);
  if (!all) return "the query is too long";
  char *part = text, *all_end = text + n;
  for (uint32_t i = 0; i < parts; i++) {
    char *end = memchr(part, '&', (size_t)(all_end - part));
    if (!end) end = all_end;
    const char *why = take(part, end, &all[i]);
    if (why) return why;
    if (among(all, i, all[i].name)) return "the query names a parameter twice";
    part = end + 1;
  }
  *ret = all;
  *ret_n = parts;
  return NULL;
}
