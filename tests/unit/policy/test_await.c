/* usage(): answered at once, later, never well; and what lives on meanwhile. */
#include "policy/fixture.h"

#define ASK2                                                                             \
  "if usage('a') >= 3 then return deny('a is full') end\n"                               \
  "return allow { scopes = { scope('a', 10 - usage('b')) } }"

static void answered_at_once(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.in_use = 2;
  assert_true(fix_body(&f, ASK2));
  const struct cg_verdict *v = fix_decide(&f);
  assert_true(v->allow);
  assert_int_equal(v->scopes[0].limit, 8);
  assert_string_equal(v->facts, "{\"a\":2,\"b\":2}");
  assert_int_equal(f.usages, 2);
  f.in_use = 3;
  v = fix_decide(&f);
  assert_string_equal(v->reason, "a is full");
  assert_string_equal(v->facts, "{\"a\":3}");
  fix_done(&f);
}

static void answered_later(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.answer_at_once = false;
  assert_true(fix_body(&f, ASK2));
  assert_null(fix_decide(&f));
  assert_int_equal(f.n_pending, 1);
  assert_string_equal(f.pending[0].scope, "a");
  f.pending[0].done(f.pending[0].arg, true, 1, "");
  assert_int_equal(f.verdicts, 0);
  assert_int_equal(f.n_pending, 2);
  f.pending[1].done(f.pending[1].arg, true, 4, "");
  assert_int_equal(f.verdicts, 1);
  assert_true(f.v->allow);
  assert_int_equal(f.v->scopes[0].limit, 6);
  fix_done(&f);
}

static void many_decisions_wait_side_by_side(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.answer_at_once = false;
  assert_true(fix_body(&f, "local n = usage(req.subject.id)\n"
                           "return deny(req.subject.id .. ' has ' .. n)"));
  struct fix who[8];
  char ids[8][8];
  for (int i = 0; i < 8; i++) {
    who[i] = f;
    snprintf(ids[i], sizeof(ids[i]), "u%d", i);
    who[i].subject.id = ids[i];
    who[i].ask.subject = &who[i].subject;
    who[i].ask.camera = &who[i].camera;
    cg_policy_decide(f.set, &who[i].ask, f.arena, on_verdict, &who[i]);
  }
  assert_int_equal(f.n_pending, 8);
  for (int i = 7; i >= 0; i--)
    f.pending[i].done(f.pending[i].arg, true, (uint64_t)i * 10, "");
  for (int i = 0; i < 8; i++) {
    char text[32];
    snprintf(text, sizeof(text), "u%d has %d", i, i * 10);
    assert_string_equal(who[i].v->reason, text);
  }
  fix_done(&f);
}

static void a_scope_is_read_once_per_decision(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.in_use = 1;
  assert_true(fix_set(
      &f, FILES({"a.lua", "return { name = 'a', decide = function()\n"
                          "for i = 1, 100 do usage('s') end return allow() end }"},
                {"b.lua", "return { name = 'b', decide = function()\n"
                          "assert(usage('s') == 1) end }"})));
  assert_true(fix_decide(&f)->allow);
  assert_int_equal(f.usages, 1);
  fix_done(&f);
}

static void a_quota_that_fails_denies_whatever_is_caught(void **state) {
  (void)state;
  static const char *const bodies[] = {
      "usage('a') return allow()",
      "pcall(usage, 'a') return allow()",
      "pcall(pcall, usage, 'a') return allow()",
      "local ok = pcall(function() return usage('a') end) return allow()",
  };
  for (size_t i = 0; i < CG_COUNT(bodies) * 2; i++) {
    struct fix f;
    fix_init(&f);
    f.answer_ok = false;
    f.answer_at_once = i % 2;
    assert_true(fix_body(&f, bodies[i / 2]));
    fix_decide(&f);
    if (!f.answer_at_once)
      f.pending[0].done(f.pending[0].arg, false, 0, "valkey is away");
    assert_int_equal(f.verdicts, 1);
    assert_true(f.v->policy_error);
    assert_int_equal(f.v->outage, CG_E_UNAVAILABLE);
    assert_non_null(strstr(f.v->reason, "valkey is away"));
    fix_done(&f);
  }
}

static void waiting_inside_pcall_works(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.answer_at_once = false;
  assert_true(
      fix_body(&f, "local ok, n = pcall(usage, 'a')\n"
                   "local ok2, err = pcall(function() error('x' .. usage('b'), 0) end)\n"
                   "return deny(tostring(ok) .. n .. tostring(ok2) .. err)"));
  fix_decide(&f);
  f.pending[0].done(f.pending[0].arg, true, 7, "");
  f.pending[1].done(f.pending[1].arg, true, 8, "");
  assert_string_equal(f.v->reason, "true7falsex8");
  fix_done(&f);
}

static void a_set_dropped_meanwhile_lives_until_the_verdict(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.answer_at_once = false;
  assert_true(fix_body(&f, "usage('a') return deny('the old rules')"));
  fix_decide(&f);
  assert_true(fix_body(&f, "return deny('the new rules')"));
  f.pending[0].done(f.pending[0].arg, true, 0, "");
  assert_string_equal(f.v->reason, "the old rules");
  assert_string_equal(fix_decide(&f)->reason, "the new rules");
  fix_done(&f);
}

static void waiting_costs_no_cpu_budget(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.answer_at_once = false;
  assert_true(fix_body(&f, "usage('a') return allow()"));
  fix_decide(&f);
  for (volatile int i = 0; i < 20 * 1000 * 1000; i++) {
  }
  f.pending[0].done(f.pending[0].arg, true, 0, "");
  assert_true(f.v->allow);
  assert_true(f.v->cpu_us < 20000);
  fix_done(&f);
}

static void without_a_quota_usage_fails(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.env.usage = NULL;
  assert_true(fix_body(&f, "usage('a') return allow()"));
  assert_true(fix_decide(&f)->policy_error);
  fix_done(&f);
}

/* 32 awaits that are all answered inside the call: no recursion, no limit hit. */
static void as_many_awaits_as_allowed(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(fix_body(&f, "for i = 1, 32 do usage('s' .. i) end return allow()"));
  assert_true(fix_decide(&f)->allow);
  assert_int_equal(f.usages, 32);
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answered_at_once),
      cmocka_unit_test(answered_later),
      cmocka_unit_test(many_decisions_wait_side_by_side),
      cmocka_unit_test(a_scope_is_read_once_per_decision),
      cmocka_unit_test(a_quota_that_fails_denies_whatever_is_caught),
      cmocka_unit_test(waiting_inside_pcall_works),
      cmocka_unit_test(a_set_dropped_meanwhile_lives_until_the_verdict),
      cmocka_unit_test(waiting_costs_no_cpu_budget),
      cmocka_unit_test(without_a_quota_usage_fails),
      cmocka_unit_test(as_many_awaits_as_allowed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
