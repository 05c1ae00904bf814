/* Whatever a file does, a meter ends it, and nothing that it catches goes on. */
#include "lua/fixture.h"

static const char *const endless[] = {
    "while true do end",
    "local function f() return f() end f()",
    "for i = 1, math.huge do local t = {} end",
    "while true do pcall(error, 'x') end",
    "while true do pcall(function() while true do end end) end",
    "pcall(pcall, pcall, function() while true do end end) while true do end",
    "local s = ('x'):upper() while true do find(s, 'y') end",
    "while true do split('a,b', ',') end",
    "while true do glob('aaaaaaaaaaaaaaaa', '*a*a*a*b') end",
    "local t = { 'a' } while true do table.concat(t) end",
    "local t = {} while true do table.insert(t, 1) table.remove(t) end",
    "repeat local a, b = table.unpack({ 1, 2 }) until false",
};

static void instructions_have_a_limit(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(endless); i++) {
    struct fix f;
    fix_init(&f);
    f.limits.instructions = 50000;
    fix_bad(&f, endless[i], "instruction limit reached");
    assert_in_range(f.meter.instructions, 50000, 60000);
    fix_good(&f, "for i = 1, 1000 do end");
    fix_done(&f);
  }
}

/* What C functions do is charged: 1 MiB cost nothing to hold, and much to go through. */
static void c_functions_charge_for_their_work(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.limits.instructions = 5000;
  fix_bad(&f, "local s = 'x' for i = 1, 18 do s = s .. s end s = s:upper()",
          "instruction limit reached");
  fix_bad(&f, "local s = 'x' for i = 1, 18 do s = s .. s end find(s, 'y') find(s, 'z')",
          "instruction limit reached");
  fix_done(&f);
}

static void cpu_has_a_limit_at_a_stretch_and_in_all(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.limits = (struct cg_lua_limits){1 << 20, UINT64_MAX, 2000, UNLIMITED};
  fix_bad(&f, "while true do end", "CPU limit of one burst reached");
  f.limits = (struct cg_lua_limits){1 << 20, UINT64_MAX, UNLIMITED, 2000};
  fix_bad(&f, "while true do end", "CPU limit reached");
  fix_done(&f);
}

/* Bursts of one meter add up, though none is long; a new meter begins at nothing. */
static void bursts_add_up(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.limits.instructions = 100000;
  fix_good(&f, "for i = 1, 40000 do end");
  uint64_t once = f.meter.instructions;
  assert_in_range(once, 39000, 50000);
  assert_true(fix_run_on(&f, "for i = 1, 40000 do end"));
  assert_int_equal(f.meter.instructions, 2 * once);
  assert_false(fix_run_on(&f, "for i = 1, 40000 do end"));
  assert_string_equal(f.meter.broken, "instruction limit reached");
  assert_false(fix_run_on(&f, "for i = 1, 1000 do end"));
  fix_good(&f, "for i = 1, 40000 do end");
  fix_done(&f);
}

static void pcall_catches_errors_but_no_limit(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  fix_good(&f, "local ok, words = pcall(error, 'x') assert(not ok and words == 'x')");
  fix_bad(&f, "pcall(function() local t = {} while true do t[#t + 1] = { 1 } end end)",
          "memory limit reached");
  fix_bad(&f, "local function f() pcall(f) end f()", "pcall nested too deep");
  fix_good(&f, "for i = 1, 100 do pcall(error) end");
  fix_done(&f);
}

static void outside_of_a_burst_nothing_counts(void **state) {
  (void)state;
  struct fix f;
  struct text loop = {"for i = 1, 100000 do end"};
  fix_init(&f);
  f.limits.instructions = 1000;
  fix_bad(&f, loop.text, "instruction limit reached");
  assert_null(f.state.meter);
  assert_null(lua_gethook(f.state.L));
  assert_true(cg_state_call(&f.state, fix_run_text, &loop, &f.err));
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(instructions_have_a_limit),
      cmocka_unit_test(c_functions_charge_for_their_work),
      cmocka_unit_test(cpu_has_a_limit_at_a_stretch_and_in_all),
      cmocka_unit_test(bursts_add_up),
      cmocka_unit_test(pcall_catches_errors_but_no_limit),
      cmocka_unit_test(outside_of_a_burst_nothing_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
