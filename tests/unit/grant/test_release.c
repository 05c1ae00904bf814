/* Release, token and explain: whose lease, what row, what is undone. */
#include "grant/asking.h"
#include "lease/end.h"

#define ALLOW "return allow { scopes = { scope('user:alice', 2) } }"

static void a_release_is_answered_when_its_row_is_durable(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  h.stub->how[STUB_APPEND] = HOLD;
  ask_release(&h, &a, lease.lease_id);
  assert_int_equal(a.times, 0);
  assert_int_equal(lease_of(&h, &lease)->state, CG_LEASE_ENDED); /* at once */
  stub_let_go(h.stub, STUB_APPEND);
  harness_run(&h);
  assert_int_equal(a.times, 1);
  assert_int_equal(a.code, CG_OK);
  assert_string_equal(stub_last_row(h.stub)->outcome, "released");
  assert_string_equal(stub_last_row(h.stub)->reason, "released by alice");
  ask_release(&h, &a, lease.lease_id);
  assert_int_equal(a.code, CG_OK); /* again: as well */
  assert_int_equal(stub_count(h.stub, "end", lease.lease_id), 1);
  harness_close(&h);
}

static void a_release_that_cannot_be_recorded_says_so(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  h.stub->how[STUB_APPEND] = FAIL;
  h.stub->code = CGP_E_UNAVAILABLE;
  ask_release(&h, &a, lease.lease_id);
  assert_int_equal(a.times, 1);
  assert_int_equal(a.code, CG_E_UNAVAILABLE);
  assert_int_equal(stub_count(h.stub, "end", ""), 0);
  h.stub->how[STUB_APPEND] = NOW;
  harness_pass(&h, 30 * SECOND);
  assert_int_equal(stub_count(h.stub, "end", lease.lease_id), 1); /* it is, in the end */
  harness_close(&h);
}

static void an_admin_ends_anybodys(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  const char *id = lease.lease_id;
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  struct cg_grant_in in = {.lease_id = id, .quality = CG_TIER_NONE};
  ask_as(&h, &a, "bob", "operator", CG_RELEASE, in);
  assert_int_equal(a.code, CG_E_NOT_FOUND);
  ask_as(&h, &a, "root", "admin", CG_RELEASE, in);
  assert_int_equal(a.code, CG_OK);
  assert_string_equal(stub_last_row(h.stub)->outcome, "revoked");
  assert_string_equal(stub_last_row(h.stub)->reason, "ended by root");
  harness_close(&h);
}

static void a_token_needs_a_live_lease(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  ask_token(&h, &a);
  assert_int_equal(a.code, CG_E_NOT_FOUND);
  have_lease(&h, &lease);
  ask_token(&h, &a);
  assert_int_equal(a.code, CG_OK);
  assert_string_equal(a.lease_id, lease.lease_id);
  assert_string_equal(a.token, "room-token");
  assert_string_equal(stub_last_row(h.stub)->kind, "change");
  assert_string_equal(stub_last_row(h.stub)->reason, "token renewed");
  harness_close(&h);
}

static void no_token_leaves_for_a_lease_that_ended_meanwhile(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  h.stub->how[STUB_APPEND] = HOLD;
  ask_token(&h, &a);
  harness_pass(&h, SECOND / 2);
  lease_of(&h, &lease)->expires_mono_us = h.clock.fake_mono_us;
  cg_lease_watch(&h.service, lease_of(&h, &lease));
  harness_pass(&h, SECOND / 4);
  assert_int_equal(lease_of(&h, &lease)->state, CG_LEASE_ENDED);
  stub_let_go(h.stub, STUB_APPEND);
  harness_run(&h);
  assert_int_equal(a.times, 1);
  assert_int_equal(a.code, CG_E_GONE);
  h.stub->how[STUB_APPEND] = NOW;
  while (h.stub->n_held > 0) stub_let_go(h.stub, STUB_APPEND);
  harness_close(&h);
}

static void a_token_that_fails_leaves_no_row(void **state) {
  static const enum stub_op steps[] = {STUB_ENSURE, STUB_TOKEN, STUB_ISSUE};
  (void)state;
  for (size_t i = 0; i < CG_COUNT(steps); i++) {
    struct harness h;
    struct asked lease = {.times = 0}, a = {.times = 0};
    harness_open(&h, ALLOW);
    have_lease(&h, &lease);
    h.stub->how[steps[i]] = FAIL;
    h.stub->code = CGP_E_UNAVAILABLE;
    ask_token(&h, &a);
    assert_int_equal(a.code, CG_E_UNAVAILABLE);
    assert_int_equal(stub_count(h.stub, "change", ""), 0);
    assert_int_equal(lease_of(&h, &lease)->state, CG_LEASE_ACTIVE);
    harness_close(&h);
  }
}

static void an_explanation_takes_nothing(void **state) {
  static const char *const policies[] = {ALLOW, "return deny('not now')"};
  (void)state;
  for (size_t i = 0; i < CG_COUNT(policies); i++) {
    struct harness h;
    struct asked a = {.times = 0};
    harness_open(&h, policies[i]);
    ask_as(&h, &a, "alice", "operator", CG_EXPLAIN,
           (struct cg_grant_in){.camera = "lobby-1", .quality = CG_TIER_NONE});
    assert_int_equal(a.code, CG_OK); /* a no is an answer, too */
    assert_string_equal(h.stub->trace, "get lobby-1\n");
    assert_int_equal(cg_leases_in_all(h.service.leases), 0);
    harness_close(&h);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_release_is_answered_when_its_row_is_durable),
      cmocka_unit_test(a_release_that_cannot_be_recorded_says_so),
      cmocka_unit_test(an_admin_ends_anybodys),
      cmocka_unit_test(a_token_needs_a_live_lease),
      cmocka_unit_test(no_token_leaves_for_a_lease_that_ended_meanwhile),
      cmocka_unit_test(a_token_that_fails_leaves_no_row),
      cmocka_unit_test(an_explanation_takes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
