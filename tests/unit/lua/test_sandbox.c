/* What a file finds: the allow list, what its owner adds, and nothing else. */
#include "lua/fixture.h"

static int unknown(lua_State *L) {
  return luaL_error(L, "no %s", lua_tostring(L, 2));
}

static int global(lua_State *L) {
  return luaL_error(L, "not to be set: %s", lua_tostring(L, 2));
}

static int seven(lua_State *L) {
  lua_pushinteger(L, 7);
  return 1;
}

static const luaL_Reg functions[] = {{"seven", seven}, {NULL, NULL}};
static const struct cg_sandbox strict = {functions, unknown, global};

static const char *const offered[] = {
    "assert", "ends",   "error", "find",     "glob",     "ipairs", "lower",
    "math",   "next",   "pairs", "pcall",    "rawequal", "rawlen", "select",
    "split",  "starts", "table", "tonumber", "tostring", "type",   "upper",
};

static int count_names(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, cg_state_of(L)->env_ref);
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) n++;
  assert_int_equal(n, CG_COUNT(offered));
  for (size_t i = 0; i < CG_COUNT(offered); i++) {
    if (lua_getfield(L, -1, offered[i]) == LUA_TNIL) fail_msg("no %s", offered[i]);
    lua_pop(L, 1);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_pushnil(L);
  assert_false(lua_next(L, -2)); /* the base library is reachable from nowhere */
  return 0;
}

static void the_names_are_those_and_no_others(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(cg_state_call(&f.state, count_names, NULL, &f.err));
  fix_done(&f);
}

static void a_lenient_file_sets_globals_and_reads_nil(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  fix_good(&f, "assert(os == nil) x = 3 assert(x == 3) find = nil assert(find == nil)");
  fix_bad(&f, "math.pi = 3", "read-only");
  fix_bad(&f, "table.insert(math, 1)", "read-only");
  fix_done(&f);
}

static void a_strict_file_does_neither(void **state) {
  (void)state;
  struct fix f;
  fix_init_with(&f, &strict);
  fix_good(&f, "assert(seven() == 7)");
  fix_bad(&f, "\nlocal x = os", "t.lua:2: no os");
  fix_bad(&f, "x = 3", "t.lua:1: not to be set: x");
  fix_bad(&f, "seven = nil", "not to be set: seven");
  fix_bad(&f, "_ENV.x = 3", "not to be set: x");
  fix_bad(&f, "_ENV[{}] = 3", "not to be set");
  fix_bad(&f, "table.insert(_ENV, 1)", "read-only");
  fix_bad(&f, "table.remove(_ENV)", "read-only");
  fix_done(&f);
}

static void strings_have_the_text_helpers_alone(void **state) {
  (void)state;
  static const char *const gone[] = {"rep",  "format", "gsub", "match",
                                     "byte", "char",   "dump", "gmatch",
                                     "len",  "pack",   "sub",  "reverse"};
  struct fix f;
  fix_init(&f);
  fix_good(&f, "assert(('Ab'):lower() == 'ab' and ('a-b'):split('-')[2] == 'b')");
  for (size_t i = 0; i < CG_COUNT(gone); i++) {
    char text[64];
    snprintf(text, sizeof text, "assert(('x').%s == nil)", gone[i]);
    fix_good(&f, text);
  }
  fix_bad(&f, "('x').upper = 1", "attempt to index");
  fix_done(&f);
}

static void only_text_is_loaded(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  fix_bad(&f, "\x1bLuaT", "attempt to load a binary chunk");
  fix_bad(&f, "\n\nx = = 1", "t.lua:3:");
  fix_done(&f);
}

static void addresses_are_told_nowhere(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  fix_good(&f, "assert(tostring({}) == 'table' and tostring(print) == 'nil')\n"
               "assert(tostring(pcall) == 'function' and tostring(math) == 'table')");
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_names_are_those_and_no_others),
      cmocka_unit_test(a_lenient_file_sets_globals_and_reads_nil),
      cmocka_unit_test(a_strict_file_does_neither),
      cmocka_unit_test(strings_have_the_text_helpers_alone),
      cmocka_unit_test(only_text_is_loaded),
      cmocka_unit_test(addresses_are_told_nowhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
