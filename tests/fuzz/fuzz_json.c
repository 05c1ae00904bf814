/* The reader of JSON bodies: no input breaks it; what it refuses has words; what it reads
 * the short way it would read the long way, too. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/schema.h"

struct body {
  const char *camera_id, *quality;
  int64_t ttl_s;
  bool force;
};

static const char *const qualities[] = {"low", "high", NULL};
static const struct cg_field fields[] = {
    {"camera_id", CG_STRING, true, 1, 63, offsetof(struct body, camera_id), "", NULL,
     NULL},
    {"quality", CG_STRING, false, 1, 31, offsetof(struct body, quality), "", qualities,
     NULL},
    {"ttl_s", CG_INT, false, 1, 86400, offsetof(struct body, ttl_s), "", NULL, NULL},
    {"force", CG_BOOL, false, 0, 0, offsetof(struct body, force), "", NULL, NULL},
    {0},
};

static bool same(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_plain(const char *text, size_t n, json_t *value) {
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  struct cg_field_errors errs = {.n = 0};
  struct body a = {0}, b = {0};
  CG_CHECK(arena);
  if (cg_schema_read_plain(fields, text, n, &a, arena))
    CG_CHECK(value && cg_schema_check(fields, value, "", &b, arena, &errs) &&
             same(a.camera_id, b.camera_id) && same(a.quality, b.quality) &&
             a.ttl_s == b.ttl_s && a.force == b.force);
  cg_arena_free(arena, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct cg_err err = {0};
  json_t *value = cg_json_parse((const char *)data, size, &err);
  CG_CHECK(value || (err.code != CG_OK && err.text[0] != '\0'));
  check_plain((const char *)data, size, value);
  json_decref(value);
  return 0;
}
