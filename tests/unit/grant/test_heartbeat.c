/* Heartbeat: decided again, kept, moved to another room, refused, undone. */
#include "grant/asking.h"

#define ALLOW "return allow { scopes = { scope('user:alice', 2) } }"

static struct cg_policy *swap_policy(struct harness *h, const char *body) {
  cg_policy_unref(h->service.policy);
  return h->service.policy = harness_policy(h, body);
}

static void a_beat_that_changes_nothing_costs_no_row(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  harness_pass(&h, 20 * SECOND);
  h.stub->trace[0] = '\0';
  ask_beat(&h, &a, lease.lease_id);
  assert_int_equal(a.code, CG_OK);
  assert_false(a.moved);
  char expected[128];
  snprintf(expected, sizeof expected, "get lobby-1\nrenew %s at 3000\n", lease.lease_id);
  assert_string_equal(h.stub->trace, expected);
  assert_int_equal(a.expires_us, HARNESS_NOW + 80 * SECOND);
  assert_int_equal(a.ends_us, HARNESS_NOW + 3600 * SECOND);
  harness_close(&h);
}

static void beats_keep_a_lease_to_its_hard_end_and_no_longer(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, "return allow { ttl = '2m' }");
  have_lease(&h, &lease);
  for (int i = 0; i < 5; i++) {
    harness_pass(&h, 20 * SECOND);
    ask_beat(&h, &a, lease.lease_id);
    assert_int_equal(a.code, CG_OK);
    assert_int_equal(a.ends_us, HARNESS_NOW + 120 * SECOND);
  }
  assert_int_equal(a.expires_us, a.ends_us);
  harness_pass(&h, 21 * SECOND);
  ask_beat(&h, &a, lease.lease_id);
  assert_int_equal(a.code, CG_E_GONE);
  assert_int_equal(a.ended_by, CG_ENDED_EXPIRED);
  assert_int_equal(stub_count(h.stub, "end", lease.lease_id), 1);
  harness_close(&h);
}

/* A policy that allows less time than before moves the end to the front. */
static void a_shorter_time_is_kept(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  harness_pass(&h, 40 * SECOND);
  swap_policy(&h, "return allow { ttl = '50s', scopes = { scope('user:alice', 2) } }");
  ask_beat(&h, &a, lease.lease_id);
  assert_int_equal(a.code, CG_OK);
  assert_int_equal(a.ends_us, HARNESS_NOW + 50 * SECOND);
  harness_pass(&h, 11 * SECOND);
  assert_int_equal(lease_of(&h, &lease)->state, CG_LEASE_ENDED);
  assert_int_equal(lease_of(&h, &lease)->ended_by, CG_ENDED_EXPIRED);
  harness_close(&h);
}

static void a_time_that_is_over_is_a_refusal(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  harness_pass(&h, 40 * SECOND);
  swap_policy(&h, "return allow { ttl = '30s' }");
  ask_beat(&h, &a, lease.lease_id);
  assert_int_equal(a.code, CG_E_GONE);
  assert_string_equal(a.reason, "its time is up");
  assert_int_equal(stub_count(h.stub, "end", lease.lease_id), 1);
  harness_close(&h);
}

static void a_lower_tier_moves_the_viewer(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  swap_policy(&h, "return allow { max = 'low' }");
  ask_beat(&h, &a, lease.lease_id);
  assert_int_equal(a.code, CG_OK);
  assert_true(a.moved);
  assert_int_equal(a.tier, 0);
  assert_string_equal(a.room, "camera_lobby-1.low");
  assert_string_equal(a.token, "room-token");
  assert_string_equal(lease_of(&h, &lease)->room, "camera_lobby-1.low");
  harness_pass(&h, SECOND);
  assert_non_null(strstr(h.stub->trace, "from camera_lobby-1\n")); /* put out of it */
  assert_string_equal(stub_last_row(h.stub)->kind, "change");
  assert_string_equal(stub_last_row(h.stub)->quality, "low");
  swap_policy(&h, ALLOW);
  ask_beat(&h, &a, lease.lease_id); /* a beat never climbs */
  assert_int_equal(a.tier, 0);
  harness_close(&h);
}

/* Each no ends the lease, with its row, its place and its participant. */
static void a_refused_beat_ends_the_lease(void **state) {
  static const struct {
    const char *policy, *reason;
    bool missing, lost;
  } noes[] = {
      {"return deny('closed')", "closed", false, false},
      {"return req.nonsense.at.all", "policy_error", false, false},
      {ALLOW, "the camera is gone", true, false},
      {ALLOW, "uplink:north is full", false, true},
  };
  (void)state;
  for (size_t i = 0; i < CG_COUNT(noes); i++) {
    struct harness h;
    struct asked lease = {.times = 0}, a = {.times = 0};
    harness_open(&h, ALLOW);
    have_lease(&h, &lease);
    swap_policy(&h, noes[i].policy);
    h.stub->missing = noes[i].missing;
    h.stub->unknown = h.stub->full =
        noes[i].lost; /* the quota lost it, and is full now */
    ask_beat(&h, &a, lease.lease_id);
    assert_int_equal(a.times, 1);
    assert_int_equal(a.code, CG_E_GONE);
    assert_true(a.over);
    assert_int_equal(a.ended_by, CG_ENDED_REVOKED);
    assert_string_equal(a.reason, noes[i].reason);
    harness_pass(&h, SECOND);
    assert_int_equal(stub_count(h.stub, "end", lease.lease_id), 1);
    assert_int_equal(h.stub->n[STUB_RELEASE], 1);
    assert_int_equal(h.stub->n[STUB_REMOVE], 1);
    ask_beat(&h, &a, lease.lease_id);
    assert_int_equal(a.code, CG_E_GONE); /* the tombstone says why */
    assert_string_equal(a.reason, noes[i].reason);
    harness_close(&h);
  }
}

static void an_outage_ends_nothing(void **state) {
  static const enum stub_op steps[] = {STUB_GET, STUB_RENEW};
  (void)state;
  for (size_t i = 0; i < CG_COUNT(steps); i++) {
    struct harness h;
    struct asked lease = {.times = 0}, a = {.times = 0};
    harness_open(&h, ALLOW);
    have_lease(&h, &lease);
    h.stub->how[steps[i]] = FAIL;
    h.stub->code = CGP_E_UNAVAILABLE;
    ask_beat(&h, &a, lease.lease_id);
    assert_int_equal(a.code, CG_E_UNAVAILABLE);
    assert_int_equal(lease_of(&h, &lease)->state, CG_LEASE_ACTIVE);
    h.stub->how[steps[i]] = NOW;
    ask_beat(&h, &a, lease.lease_id);
    assert_int_equal(a.code, CG_OK);
    harness_close(&h);
  }
}

/* A move that cannot be made or recorded leaves the lease as it was, its place too. */
static void a_failed_move_is_undone(void **state) {
  static const enum stub_op steps[] = {STUB_ENSURE, STUB_TOKEN, STUB_ISSUE, STUB_APPEND};
  (void)state;
  for (size_t i = 0; i < CG_COUNT(steps); i++) {
    struct harness h;
    struct asked lease = {.times = 0}, a = {.times = 0};
    harness_open(&h, ALLOW);
    have_lease(&h, &lease);
    swap_policy(&h, "return allow { max = 'low' }");
    h.stub->how[steps[i]] = HOLD;
    ask_beat(&h, &a, lease.lease_id);
    assert_int_equal(a.times, 0);
    harness_pass(&h, 2 * SECOND);
    assert_int_equal(a.times, 1);
    assert_int_equal(a.code, CG_E_TIMEOUT);
    char as_before[96];
    snprintf(as_before, sizeof as_before, "renew %s at 3000\n", lease.lease_id);
    assert_non_null(strstr(h.stub->trace, as_before));
    assert_int_equal(lease_of(&h, &lease)->tier, 2);
    assert_string_equal(lease_of(&h, &lease)->room, "camera_lobby-1");
    assert_int_equal(lease_of(&h, &lease)->state, CG_LEASE_ACTIVE);
    harness_close(&h);
  }
}

static void beats_of_one_lease_wait_for_each_other(void **state) {
  struct harness h;
  struct asked lease = {.times = 0};
  static struct asked beats[12];
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  h.stub->how[STUB_RENEW] = HOLD;
  for (size_t i = 0; i < CG_COUNT(beats); i++) ask_beat(&h, &beats[i], lease.lease_id);
  assert_int_equal(h.stub->n[STUB_RENEW], 1); /* one at a time */
  assert_int_equal(beats[9].code, CG_E_RATE); /* eight wait, the tenth is refused */
  h.stub->how[STUB_RENEW] = NOW;
  stub_let_go(h.stub, STUB_RENEW);
  harness_run(&h);
  for (size_t i = 0; i < 9; i++) {
    assert_int_equal(beats[i].times, 1);
    assert_int_equal(beats[i].code, CG_OK);
  }
  harness_close(&h);
}

/* It ended while the row of its change was on its way. */
static void a_lease_that_ends_meanwhile_is_not_brought_back(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  h.conf.lapse_s = 1;
  h.conf.beat_s = 1;
  have_lease(&h, &lease);
  swap_policy(&h, "return allow { max = 'low' }");
  h.stub->how[STUB_ISSUE] = HOLD;
  ask_beat(&h, &a, lease.lease_id);
  h.clock.fake_wall_us += 999000;
  h.clock.fake_mono_us += 999000;
  harness_run(&h);
  h.clock.fake_wall_us += 1500;
  h.clock.fake_mono_us += 1500;
  harness_run(&h);
  assert_int_equal(a.times, 1);
  assert_int_not_equal(a.code, CG_OK);
  assert_int_equal(lease_of(&h, &lease)->state, CG_LEASE_ENDED);
  assert_int_equal(stub_count(h.stub, "end", lease.lease_id), 1);
  harness_close(&h);
}

static void a_strangers_lease_is_not_there(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  have_lease(&h, &lease);
  ask_as(&h, &a, "bob", "admin", CG_HEARTBEAT,
         (struct cg_grant_in){.lease_id = lease.lease_id, .quality = CG_TIER_NONE});
  assert_int_equal(a.code, CG_E_NOT_FOUND);
  assert_int_equal(lease_of(&h, &lease)->state, CG_LEASE_ACTIVE);
  harness_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_beat_that_changes_nothing_costs_no_row),
      cmocka_unit_test(beats_keep_a_lease_to_its_hard_end_and_no_longer),
      cmocka_unit_test(a_shorter_time_is_kept),
      cmocka_unit_test(a_time_that_is_over_is_a_refusal),
      cmocka_unit_test(a_lower_tier_moves_the_viewer),
      cmocka_unit_test(a_refused_beat_ends_the_lease),
      cmocka_unit_test(an_outage_ends_nothing),
      cmocka_unit_test(a_failed_move_is_undone),
      cmocka_unit_test(beats_of_one_lease_wait_for_each_other),
      cmocka_unit_test(a_lease_that_ends_meanwhile_is_not_brought_back),
      cmocka_unit_test(a_strangers_lease_is_not_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
