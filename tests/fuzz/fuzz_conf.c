/* The configuration's file: whatever it is, it ends, in a table or in words. */
#include <stdint.h>

#include "conf/conf_lua.c"
#include "conf/conf_path.c"
#include "conf/conf_table.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct cg_arena *arena = cg_arena_new(NULL, 8 << 20);
  struct cg_field_errors errs = {.n = 0}, warnings = {.n = 0};
  struct cg_conf_asked asked = {.n = 0};
  struct cg_conf_values values = cg_conf_defaults;
  struct cg_conf_lua in = {
      .dir = "/nowhere", .source = (const char *)data, .n = size, .warnings = &warnings};
  CG_CHECK(arena);
  json_t *root = cg_conf_lua_run(&in, &asked, arena, &errs);
  CG_CHECK(root || errs.n > 0);
  if (root && !cg_schema_check(cg_conf_fields, root, "", &values, arena, &errs))
    CG_CHECK(errs.n > 0);
  json_decref(root);
  cg_arena_free(arena, NULL);
  return 0;
}
