/* Memory, CPU, instructions, awaits: each ends its own decision, whatever it catches. */
#include "policy/fixture.h"

#include <time.h>

static const char *const greedy[] = {
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "local function f() pcall(f) f() end f()",
    "local ok repeat ok = pcall(function() while true do end end) until ok return "
    "allow()",
    "pcall(pcall, pcall, function() while true do end end) return allow()",
    "pcall(function() while true do end end) return allow()",
    "local t = {} while true do t[#t + 1] = {} end",
    "local t = {} pcall(function() while true do t[#t + 1] = {} end end) return allow()",
    "local t = {} for i = 1, 10 do pcall(function() while true do t[#t+1] = {1} end end) "
    "end\n"
    "return allow()",
    "local s = 'x' while true do s = s .. s end",
    "local s = 'x' pcall(function() while true do s = s .. s end end) return allow()",
    "local t = {} for i = 1, 40 do t[i] = 'xxxxxxxxxxxxxxxx' end\n"
    "while true do t[1] = table.concat(t) for i = 2, 40 do t[i] = t[1] end end",
    "local s = 'xxxxxxxxxxxxxxxx' for i = 1, 16 do s = s .. s end\n"
    "while true do local a = s .. 'a' end",
    "local s = 'xxxxxxxxxxxxxxxx' for i = 1, 15 do s = s .. s end\n"
    "while true do lower(s) end",
    "local s = 'xxxxxxxxxxxxxxxx' for i = 1, 15 do s = s .. s end\n"
    "while true do find(s, 'y') end",
    "local s = 'xxxxxxxxxxxxxxxx' for i = 1, 15 do s = s .. s end split(s, 'x') return 1",
    "local s = 'xxxxxxxxxxxxxxxx' for i = 1, 8 do s = s .. s end\n"
    "while true do glob(s, '*x*x*x*x*x*y') end",
    "local t = {} for i = 1, 30000 do t[i] = i end while true do table.insert(t, 1, 0) "
    "end",
    "local t = {} for i = 1, 30000 do t[i] = i end while true do table.remove(t, 1) end",
    "local function grow(...) return "
    "grow(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,...) end\n"
    "grow() return allow()",
    "local function grow(n, ...) if n > 0 then return grow(n - 1, n, n, n, n, ...) end\n"
    "while true do local a = select('#', ...) end end grow(5000) return allow()",
    "for i = 1, math.maxinteger do end return allow()",
    "local t = {} while true do t = { t } end",
    "while true do tostring(1.5) end",
    "while true do local f = function() return req end end",
    "while true do req.subject.claims.x = nil end",
    "repeat local x = req.subject.roles until false",
};

static int64_t now_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void greed_ends_in_a_policy_error_soon(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(greedy); i++) {
    struct fix f;
    int64_t from = now_us(CLOCK_THREAD_CPUTIME_ID);
    const struct cg_verdict *v = fix_run(&f, greedy[i]);
    int64_t took = now_us(CLOCK_THREAD_CPUTIME_ID) - from;
    if (v->allow || !v->policy_error) fail_msg("%s: allow %d", greedy[i], v->allow);
    if (took > 600000) fail_msg("%s: took %ld us", greedy[i], (long)took);
    fix_done(&f);
  }
}

/* The state is as good as before: the next decision is allowed. */
static void a_broken_limit_is_of_that_decision_alone(void **state) {
  (void)state;
  static const char *const bodies[] = {
      "while true do end",
      "local t = {} while true do t[#t + 1] = {} end",
      "local s = 'x' while true do s = s .. s end",
      "local function f() return 1 + f() end f()",
      "local function f() pcall(f) end f() while true do end",
  };
  for (size_t i = 0; i < CG_COUNT(bodies); i++) {
    struct fix f;
    char body[512];
    snprintf(body, sizeof(body),
             "if req.subject.id == 'mallory' then %s end return allow()", bodies[i]);
    assert_true(fix_run(&f, body)->allow);
    for (int round = 0; round < 3; round++) {
      f.subject.id = "mallory";
      assert_true(fix_decide(&f)->policy_error);
      f.subject.id = "alice";
      if (!fix_decide(&f)->allow) fail_msg("%s: %s", bodies[i], f.v->words[0].reason);
    }
    fix_done(&f);
  }
}

struct limit_case {
  const char *body, *says;
  struct cg_policy_limits limits;
};

static const struct limit_case cases[] = {
    {"while true do end", "instruction limit", {{32u << 20, 5000, 9000000, 9000000}, 9}},
    {"while true do end",
     "CPU limit of one burst",
     {{32u << 20, 1ull << 60, 2000, 9000000}, 9}},
    {"while true do end",
     "CPU limit reached",
     {{32u << 20, 1ull << 60, 9000000, 2000}, 9}},
    {"local t = {} while true do t[#t + 1] = { 1 } end",
     "memory limit",
     {{1u << 20, 1ull << 60, 9000000, 9000000}, 9}},
    {"for i = 1, 10 do usage('s' .. i) end",
     "more usage() calls",
     {{32u << 20, 1000000, 9000000, 9000000}, 9}},
};

static void each_limit_is_an_option_and_says_so(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(cases); i++) {
    struct fix f;
    fix_init(&f);
    f.env.limits = cases[i].limits;
    assert_true(fix_body(&f, cases[i].body));
    const struct cg_verdict *v = fix_decide(&f);
    assert_true(v->policy_error);
    if (!strstr(v->words[0].reason, cases[i].says))
      fail_msg("%s: says %s", cases[i].body, v->words[0].reason);
    fix_done(&f);
  }
}

static void instructions_count_over_all_policies(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.env.limits.lua.instructions = 45000;
  static const char body[] = "return { name = '%c', decide = function()\n"
                             "for i = 1, 9000 do local x = i end return allow() end }";
  char a[128], b[128], c[128];
  snprintf(a, sizeof(a), body, 'a');
  snprintf(b, sizeof(b), body, 'b');
  snprintf(c, sizeof(c), body, 'c');
  assert_true(fix_set(&f, FILES({"a.lua", a})));
  assert_true(fix_decide(&f)->allow);
  assert_true(fix_set(&f, FILES({"a.lua", a}, {"b.lua", b}, {"c.lua", c})));
  const struct cg_verdict *v = fix_decide(&f);
  assert_true(v->policy_error);
  assert_string_equal(v->rule, "c");
  fix_done(&f);
}

static void explain_stops_at_a_broken_limit(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(fix_set(
      &f,
      FILES({"a.lua", "return { name = 'a', decide = function() while true do end end }"},
            {"b.lua", "return { name = 'b', decide = function() return allow() end }"})));
  f.ask.explain = true;
  const struct cg_verdict *v = fix_decide(&f);
  assert_true(v->policy_error);
  assert_int_equal(v->n_words, 1);
  fix_done(&f);
}

static void a_request_without_memory_is_refused(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(fix_body(&f, "for i = 1, 200 do deny('reason ' .. i) end return allow()"));
  for (size_t cap = 4096; cap <= 65536; cap += 4096) {
    struct cg_arena *small = cg_arena_new(NULL, cap);
    assert_non_null(small);
    f.verdicts = 0;
    cg_policy_decide(f.set, &f.ask, small, on_verdict, &f);
    assert_int_equal(f.verdicts, 1);
    assert_true(f.v->allow || f.v->policy_error);
    cg_arena_free(small, NULL);
  }
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(greed_ends_in_a_policy_error_soon),
      cmocka_unit_test(a_broken_limit_is_of_that_decision_alone),
      cmocka_unit_test(each_limit_is_an_option_and_says_so),
      cmocka_unit_test(instructions_count_over_all_policies),
      cmocka_unit_test(explain_stops_at_a_broken_limit),
      cmocka_unit_test(a_request_without_memory_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
