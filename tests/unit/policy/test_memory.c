/* The nth allocation fails, for every n: no crash, no leak, no allow by accident. */
#include "policy/fixture.h"

static const char working[] =
    "local t = {}\n"
    "for i = 1, 20 do t[i] = 'part ' .. i .. req.subject.id end\n"
    "local s = table.concat(t, ','):upper()\n"
    "local parts = split(s, ',')\n"
    "if req.subject.claims.dept ~= 'it' or req.camera.attributes.floor ~= 3 then\n"
    "  return deny('wrong') end\n"
    "return allow { max = 'medium', scopes = { scope('u', 9 - usage('u')),\n"
    "  scope('k', #parts, 'kbps') } }";

static bool is_expected(const struct cg_verdict *v) {
  return v->allow ? !v->policy_error && v->n_scopes == 2 && v->max == 1
                  : v->policy_error && v->outage == CG_E_MEMORY;
}

static void a_decision_survives_every_failed_allocation(void **state) {
  (void)state;
  struct fix f;
  unsigned denied = 0;
  bool past_the_end = false;
  for (uint64_t n = 1; !past_the_end && n < 5000; n++) {
    fix_init(&f);
    f.subject.claims = json_pack("{ss}", "dept", "it");
    f.camera.attributes = "{\"floor\": 3}";
    f.ask.explain = n % 2;
    assert_true(fix_body(&f, working));
    uint64_t before = cg_mem_count();
    cg_mem_fail_after(n);
    const struct cg_verdict *v = fix_decide(&f);
    cg_mem_fail_after(0);
    past_the_end = cg_mem_count() - before < n;
    assert_int_equal(f.verdicts, 1);
    if (!is_expected(v)) fail_msg("allocation %lu: %s", (unsigned long)n, v->reason);
    if (!v->allow) denied++;
    if (!fix_decide(&f)->allow)
      fail_msg("after allocation %lu: %s", (unsigned long)n, f.v->reason);
    json_decref(f.subject.claims);
    fix_done(&f);
  }
  assert_true(past_the_end);
  assert_true(denied > 0);
}

static void a_set_is_made_whole_or_not_at_all(void **state) {
  (void)state;
  unsigned made = 0, refused = 0;
  for (uint64_t n = 1; n < 1200; n += n < 200 ? 1 : 17) {
    struct fix f;
    struct cg_err err;
    fix_init(&f);
    const struct cg_bundle *b = cg_bundle_read(SOURCE_DIR "/policies", &err);
    assert_non_null(b);
    cg_mem_fail_after(n);
    f.set = cg_policy_new(b, &f.env, f.arena, &f.errs);
    cg_mem_fail_after(0);
    cg_bundle_unref(b);
    if (f.set) {
      made++;
      assert_true(fix_decide(&f)->allow);
    } else {
      refused++;
    }
    fix_done(&f);
  }
  assert_true(made > 0 && refused > 0);
}

/* Garbage of many decisions is collected: the state does not grow without end. */
static void memory_stays_bounded_over_many_decisions(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.env.limits.lua.memory_bytes = 1 << 20;
  assert_true(fix_body(
      &f, "local t = {} for i = 1, 200 do t[i] = { i, req.subject.id .. i } end\n"
          "return allow()"));
  for (int i = 0; i < 500; i++) {
    struct cg_arena *a = cg_arena_new(NULL, 64 << 10);
    cg_policy_decide(f.set, &f.ask, a, on_verdict, &f);
    assert_true(f.v->allow);
    cg_arena_free(a, NULL);
  }
  fix_done(&f);
}

/* A policy that hoards costs itself a refusal now and then, and nobody for good. */
static void a_policy_that_hoards_does_not_starve_the_others(void **state) {
  (void)state;
  struct fix f;
  unsigned refused = 0;
  fix_init(&f);
  f.env.limits.lua.memory_bytes = 1 << 20;
  assert_true(
      fix_set(&f, FILES({"a.lua", "local kept = {}\n"
                                  "return { name = 'a', decide = function(req)\n"
                                  "for i = 1, 500 do kept[#kept + 1] = { i } end\n"
                                  "return allow() end }"})));
  for (int i = 0; i < 300; i++) {
    struct cg_arena *a = cg_arena_new(NULL, 64 << 10);
    cg_policy_decide(f.set, &f.ask, a, on_verdict, &f);
    bool denied = !f.v->allow;
    refused += denied;
    if (denied) cg_policy_decide(f.set, &f.ask, a, on_verdict, &f);
    assert_true(f.v->allow);
    cg_arena_free(a, NULL);
  }
  assert_in_range(refused, 2, 100);
  fix_done(&f);
}

/* In explain a failed policy is followed by others, on a new coroutine. */
static void explain_survives_every_failed_allocation(void **state) {
  (void)state;
  bool past_the_end = false;
  for (uint64_t n = 1; !past_the_end && n < 5000; n++) {
    struct fix f;
    fix_init(&f);
    assert_true(fix_set(
        &f, FILES({"a.lua", "return { name = 'a', decide = function() error('a') end }"},
                  {"b.lua", "return { name = 'b', decide = function() error('b') end }"},
                  {"c.lua",
                   "return { name = 'c', decide = function() return allow() end }"})));
    f.ask.explain = true;
    uint64_t before = cg_mem_count();
    cg_mem_fail_after(n);
    const struct cg_verdict *v = fix_decide(&f);
    cg_mem_fail_after(0);
    past_the_end = cg_mem_count() - before < n;
    assert_true(v->policy_error);
    assert_true(past_the_end ? v->n_words == 3 : v->n_words <= 3);
    fix_done(&f);
  }
  assert_true(past_the_end);
}

static void errors_are_logged_once_with_their_traceback(void **state) {
  (void)state;
  int pipe_fds[2];
  char line[4096];
  struct fix f;
  fix_init(&f);
  assert_int_equal(pipe(pipe_fds), 0);
  f.env.log = cg_log_new(pipe_fds[1], CG_INFO, &cg_clock_system);
  assert_non_null(f.env.log);
  assert_true(fix_set(&f, FILES({"a.lua", "local function inner(x)\nreturn x.y.z end\n"
                                          "return { name = 'a', decide = function(req)\n"
                                          "local v = inner({}) return allow() end }"},
                                {"b.lua", "return { name = 'b', decide = function()\n"
                                          "error('never logged') end }"})));
  f.ask.explain = true;
  assert_true(fix_decide(&f)->policy_error);
  ssize_t n = read(pipe_fds[0], line, sizeof(line) - 1);
  assert_true(n > 0);
  line[n] = '\0';
  assert_non_null(strstr(line, "\"policy_error\""));
  assert_non_null(strstr(line, "a.lua:2:"));
  assert_non_null(strstr(line, "stack traceback"));
  assert_non_null(strstr(line, "alice"));
  assert_null(strstr(line, "never logged"));
  cg_log_free(f.env.log);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_decision_survives_every_failed_allocation),
      cmocka_unit_test(a_set_is_made_whole_or_not_at_all),
      cmocka_unit_test(memory_stays_bounded_over_many_decisions),
      cmocka_unit_test(a_policy_that_hoards_does_not_starve_the_others),
      cmocka_unit_test(explain_survives_every_failed_allocation),
      cmocka_unit_test(errors_are_logged_once_with_their_traceback),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
