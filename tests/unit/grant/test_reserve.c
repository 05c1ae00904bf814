/* Reserve: each step's success, refusal, failure, late completion and undo. */
#include "grant/asking.h"

#define ALLOW "return allow { scopes = { scope('user:alice', 2) } }"
#define BEST  ((struct cg_grant_in){.quality = CG_TIER_NONE})

/* Nothing of it is left: no lease, no place, no row but one that says so. */
static void nothing_is_left(struct harness *h, const char *outcome) {
  assert_int_equal(cg_leases_in_all(h->service.leases), 0);
  assert_int_equal(stub_count(h->stub, "decision", ""), 1);
  assert_string_equal(stub_last_row(h->stub)->outcome, outcome);
  assert_int_equal(h->service.in_flight, 0);
}

static void the_steps_run_in_their_order(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  ask_reserve(&h, &a, BEST);
  char expected[512];
  snprintf(expected, sizeof expected,
           "get lobby-1\nreserve %s of 3\nensure camera_lobby-1\n"
           "token camera_lobby-1 for 3600\nice %s\nappend decision allow\n",
           a.lease_id, a.lease_id);
  assert_string_equal(h.stub->trace, expected);
  assert_int_equal(a.times, 1);
  assert_int_equal(a.code, CG_OK);
  assert_int_equal(a.tier, 2);
  assert_string_equal(a.token, "room-token");
  assert_int_equal(a.expires_us, HARNESS_NOW + 60 * SECOND);
  assert_int_equal(a.ends_us, HARNESS_NOW + 3600 * SECOND);
  struct cg_lease *l = lease_of(&h, &a);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  assert_string_equal(stub_last_row(h.stub)->lease_id, a.lease_id);
  harness_close(&h);
}

static void no_reply_before_the_row_is_durable(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  h.stub->how[STUB_APPEND] = HOLD;
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.times, 0);
  assert_int_equal(cg_leases_live(h.service.leases), 1); /* pending */
  stub_let_go(h.stub, STUB_APPEND);
  harness_run(&h);
  assert_int_equal(a.times, 1);
  assert_int_equal(a.code, CG_OK);
  harness_close(&h);
}

static void a_stranger_leaves_no_trace_in_the_plugins(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  a.g.in = (struct cg_grant_in){.op = CG_RESERVE,
                                .authorization = "Bearer nonsense",
                                .request_id = "r1",
                                .client_addr = "192.0.2.7",
                                .camera = "lobby-1",
                                .lease_id = "",
                                .purpose = "",
                                .key = "",
                                .quality = CG_TIER_NONE};
  cg_grant_start(&h.service, &a.g, asked_answer, &a);
  harness_run(&h);
  assert_int_equal(a.code, CG_E_UNAUTHENTICATED);
  assert_int_equal(h.stub->n[STUB_GET], 0);
  assert_int_equal(stub_count(h.stub, "decision", ""), 0);
  assert_int_equal(stub_count(h.stub, "auth", ""), 1);
  harness_close(&h);
}

static void a_camera_that_is_not_there(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  h.stub->missing = true;
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.code, CG_E_NOT_FOUND);
  assert_string_equal(a.reason, "");
  nothing_is_left(&h, "deny");
  harness_close(&h);
}

static void a_policys_no(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, "return deny('not now')");
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.code, CG_E_DENIED);
  assert_string_equal(a.reason, "not now");
  assert_int_equal(h.stub->n[STUB_RESERVE], 0);
  nothing_is_left(&h, "deny");
  harness_close(&h);
}

static void a_policy_that_fails_is_a_no_with_its_reason(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, "return req.nonsense.at.all");
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.code, CG_E_DENIED);
  assert_string_equal(a.reason, "policy_error");
  nothing_is_left(&h, "deny");
  harness_close(&h);
}

static void a_full_quota_names_the_callers_leases(void **state) {
  struct harness h;
  struct asked first = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, "return allow { scopes = { scope('uplink:north', 1) } }");
  have_lease(&h, &first);
  h.stub->full = true;
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.code, CG_E_QUOTA);
  assert_string_equal(a.scope, "uplink:north");
  assert_int_equal(a.n_conflicts, 1);
  h.stub->holder = "somebody-else"; /* what it held has lapsed; theirs is not told */
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.n_conflicts, 0);
  h.stub->holder = first.lease_id;
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.n_conflicts, 1);
  assert_int_equal(h.stub->n[STUB_RELEASE], 0); /* it never held anything */
  assert_int_equal(cg_leases_live(h.service.leases), 1);
  harness_close(&h);
}

static void the_policies_priority_goes_along(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, "return allow { priority = -7 }");
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.code, CG_OK);
  assert_int_equal(h.stub->priority, -7);
  harness_close(&h);
}

static void a_lower_tier_says_why(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, "return allow { max = 'medium' }");
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.tier, 1);
  assert_string_equal(a.why, "policy p allows at most medium");
  assert_string_equal(a.room, "camera_lobby-1.medium");
  h.stub->rung = 1;
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.tier, 0);
  harness_close(&h);
}

/* What a step that fails gives back: all that those before it took. */
static void each_failure_undoes_what_was_done(void **state) {
  static const struct {
    enum stub_op op;
    bool gives_back;
  } steps[] = {{STUB_GET, false},
               {STUB_RESERVE, true},
               {STUB_ENSURE, true},
               {STUB_TOKEN, true},
               {STUB_ISSUE, true}};
  static const enum cgp_code codes[] = {CGP_E_UNAVAILABLE, CGP_E_BUSY, CGP_E_INTERNAL,
                                        CGP_E_INVALID};
  (void)state;
  for (size_t i = 0; i < CG_COUNT(steps); i++)
    for (size_t c = 0; c < CG_COUNT(codes); c++) {
      struct harness h;
      struct asked a = {.times = 0};
      harness_open(&h, ALLOW);
      h.stub->how[steps[i].op] = FAIL;
      h.stub->code = codes[c];
      ask_reserve(&h, &a, BEST);
      assert_int_equal(a.times, 1);
      assert_int_not_equal(a.code, CG_OK);
      assert_int_equal(h.stub->n[STUB_RELEASE] > 0, steps[i].gives_back);
      nothing_is_left(&h, "error");
      harness_close(&h);
    }
}

static void each_late_completion_comes_to_nothing(void **state) {
  static const enum stub_op steps[] = {STUB_GET, STUB_RESERVE, STUB_ENSURE, STUB_TOKEN,
                                       STUB_ISSUE};
  (void)state;
  for (size_t i = 0; i < CG_COUNT(steps); i++) {
    struct harness h;
    struct asked a = {.times = 0};
    harness_open(&h, ALLOW);
    h.stub->how[steps[i]] = HOLD;
    ask_reserve(&h, &a, BEST);
    assert_int_equal(a.times, 0);
    harness_pass(&h, 2 * SECOND); /* past its deadline */
    assert_int_equal(a.times, 1);
    assert_int_equal(a.code, CG_E_TIMEOUT);
    stub_let_go(h.stub, steps[i]);
    harness_run(&h);
    assert_int_equal(a.times, 1);
    nothing_is_left(&h, "error");
    harness_close(&h);
  }
}

static void a_trail_that_cannot_be_written_gives_nothing(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  h.stub->how[STUB_APPEND] = FAIL;
  h.stub->code = CGP_E_UNAVAILABLE;
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.code, CG_E_UNAVAILABLE);
  assert_int_equal(cg_leases_in_all(h.service.leases), 0);
  assert_int_equal(h.stub->n[STUB_RELEASE], 1);
  assert_int_equal(h.stub->n_rows, 0);
  harness_close(&h);
}

/* The row may be durable although its caller gave up: the trail then says undone, too. */
static void a_row_that_comes_late_is_followed_by_its_end(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  h.stub->how[STUB_APPEND] = HOLD;
  ask_reserve(&h, &a, BEST);
  harness_pass(&h, 2 * SECOND);
  assert_int_equal(a.times, 1);
  assert_int_equal(a.code, CG_E_TIMEOUT);
  h.stub->how[STUB_APPEND] = NOW;
  stub_let_go(h.stub, STUB_APPEND); /* the grant's row, late */
  while (h.stub->n_held > 0) stub_let_go(h.stub, STUB_APPEND);
  harness_pass(&h, 5 * SECOND);
  const char *id = h.stub->rows[0].lease_id;
  assert_int_equal(stub_count(h.stub, "decision", id), 1);
  assert_int_equal(stub_count(h.stub, "end", id), 1);
  assert_int_equal(cg_leases_live(h.service.leases), 0);
  harness_close(&h);
}

/* An answer that cannot be read leaves open whether the row is there. */
static void a_row_in_doubt_is_followed_by_its_end(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  h.stub->how[STUB_APPEND] = HOLD;
  ask_reserve(&h, &a, BEST);
  h.stub->how[STUB_APPEND] = NOW;
  stub_let_fail(h.stub, STUB_APPEND, CGP_E_INTERNAL);
  harness_pass(&h, SECOND);
  assert_int_equal(a.times, 1);
  assert_int_equal(a.code, CG_E_INTERNAL);
  assert_int_equal(stub_count(h.stub, "end", ""), 1);
  assert_int_equal(cg_leases_live(h.service.leases), 0);
  harness_close(&h);
}

static void a_home_that_has_closed_takes_nothing_on(void **state) {
  struct harness h;
  struct asked a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  struct cg_service closed = {.loop = h.loop};
  h.peers[0] = &closed;
  ask_reserve(&h, &a, BEST);
  assert_int_equal(a.times, 1);
  assert_int_equal(a.code, CG_E_UNAVAILABLE);
  assert_string_equal(h.stub->trace, "");
  assert_int_equal(h.service.in_flight, 0);
  h.peers[0] = &h.service;
  harness_close(&h);
}

static void a_client_that_left_leaves_no_lease(void **state) {
  struct harness h;
  struct asked a = {.leaves = true};
  (void)state;
  harness_open(&h, ALLOW);
  ask_reserve(&h, &a, BEST);
  harness_pass(&h, SECOND);
  assert_int_equal(cg_leases_live(h.service.leases), 0);
  assert_int_equal(stub_count(h.stub, "end", a.lease_id), 1);
  ask_reserve(&h, &a, (struct cg_grant_in){.quality = CG_TIER_NONE, .key = "k"});
  harness_pass(&h, SECOND);
  assert_int_equal(cg_leases_live(h.service.leases), 1); /* it comes back for this one */
  harness_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_steps_run_in_their_order),
      cmocka_unit_test(no_reply_before_the_row_is_durable),
      cmocka_unit_test(a_stranger_leaves_no_trace_in_the_plugins),
      cmocka_unit_test(a_camera_that_is_not_there),
      cmocka_unit_test(a_policys_no),
      cmocka_unit_test(a_policy_that_fails_is_a_no_with_its_reason),
      cmocka_unit_test(a_full_quota_names_the_callers_leases),
      cmocka_unit_test(the_policies_priority_goes_along),
      cmocka_unit_test(a_lower_tier_says_why),
      cmocka_unit_test(each_failure_undoes_what_was_done),
      cmocka_unit_test(each_late_completion_comes_to_nothing),
      cmocka_unit_test(a_trail_that_cannot_be_written_gives_nothing),
      cmocka_unit_test(a_row_that_comes_late_is_followed_by_its_end),
      cmocka_unit_test(a_row_in_doubt_is_followed_by_its_end),
      cmocka_unit_test(a_home_that_has_closed_takes_nothing_on),
      cmocka_unit_test(a_client_that_left_leaves_no_lease),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
