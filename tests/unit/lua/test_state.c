/* Memory that is counted, and calls that are protected. */
#include "lua/fixture.h"

static const char hoards[] = "local t = {} while true do t[#t + 1] = { 1 } end";

static void memory_has_a_limit_and_comes_back(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  for (int i = 0; i < 3; i++) {
    assert_false(f.state.refused);
    assert_false(fix_run(&f, hoards));
    assert_int_equal(f.err.code, CG_E_MEMORY);
    assert_true(f.state.refused);
    assert_in_range(f.state.used, f.state.limit / 2, f.state.limit);
    f.state.refused = false;
    lua_gc(f.state.L, LUA_GCCOLLECT);
    assert_true(f.state.used < 100 << 10);
    fix_good(&f, "local t = {} for i = 1, 1000 do t[i] = { i } end");
  }
  fix_done(&f);
}

static void no_block_is_larger_than_two_mebibytes(void **state) {
  (void)state;
  struct cg_state s;
  assert_true(cg_state_open(&s, 64 << 20));
  void *ud;
  lua_Alloc allocate = lua_getallocf(s.L, &ud);
  size_t before = s.used;
  void *p = allocate(ud, NULL, 0, CG_LUA_BLOCK_MAX);
  assert_non_null(p);
  assert_null(allocate(ud, p, CG_LUA_BLOCK_MAX, CG_LUA_BLOCK_MAX + 1));
  assert_null(allocate(ud, NULL, 0, CG_LUA_BLOCK_MAX + 1));
  assert_false(s.refused); /* it is not full */
  p = allocate(ud, p, CG_LUA_BLOCK_MAX, 16);
  assert_non_null(p);
  assert_int_equal(s.used, before + 16);
  assert_null(allocate(ud, p, 16, 0));
  assert_int_equal(s.used, before);
  cg_state_close(&s);
}

static void a_state_is_open_whole_or_not_at_all(void **state) {
  (void)state;
  struct cg_state s = {0};
  cg_state_close(&s);
  bool opened = false;
  for (uint64_t n = 1; !opened; n++) {
    cg_mem_fail_after(n);
    opened = cg_state_open(&s, 1 << 20);
    cg_mem_fail_after(0);
    cg_state_close(&s);
    cg_state_close(&s);
    assert_true(n < 200);
  }
}

static int raise_table(lua_State *L) {
  lua_newtable(L);
  return lua_error(L);
}

static int see_argument(lua_State *L) {
  *(int *)lua_touserdata(L, 1) = 7;
  assert_ptr_equal(cg_state_of(L), cg_state_of(lua_newthread(L)));
  return 0;
}

static void a_call_is_protected_and_says_why(void **state) {
  (void)state;
  struct fix f;
  int seen = 0;
  fix_init(&f);
  assert_true(cg_state_call(&f.state, see_argument, &seen, &f.err));
  assert_int_equal(seen, 7);
  assert_false(cg_state_call(&f.state, raise_table, NULL, &f.err));
  assert_int_equal(f.err.code, CG_E_INVALID);
  assert_string_equal(f.err.text, "an error without text");
  fix_bad(&f, "\nerror('words')", "t.lua:2: words");
  assert_int_equal(lua_gettop(f.state.L), 0);
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_has_a_limit_and_comes_back),
      cmocka_unit_test(no_block_is_larger_than_two_mebibytes),
      cmocka_unit_test(a_state_is_open_whole_or_not_at_all),
      cmocka_unit_test(a_call_is_protected_and_says_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
