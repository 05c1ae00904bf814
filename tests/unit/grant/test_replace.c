/* Reserves that meet leases of their own: the same Idempotency-Key, and `replace`. */
#include "grant/asking.h"
#include "lease/end.h"

#define ALLOW "return allow { scopes = { scope('user:alice', 1) } }"
#define KEYED ((struct cg_grant_in){.quality = CG_TIER_NONE, .key = "k1"})

/* ---- the same key ---- */

static void the_same_key_is_the_same_lease(void **state) {
  struct harness h;
  struct asked first = {.times = 0}, again = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  ask_reserve(&h, &first, KEYED);
  h.stub->trace[0] = '\0';
  ask_reserve(&h, &again, KEYED);
  assert_int_equal(again.code, CG_OK);
  assert_string_equal(again.lease_id, first.lease_id);
  char expected[256];
  snprintf(expected, sizeof expected,
           "ensure camera_lobby-1\ntoken camera_lobby-1 for 3600\nice %s\n"
           "append change allow\n",
           first.lease_id); /* neither decided nor counted again */
  assert_string_equal(h.stub->trace, expected);
  assert_int_equal(cg_leases_live(h.service.leases), 1);
  harness_close(&h);
}

static void another_request_with_that_key_is_refused(void **state) {
  struct harness h;
  struct asked first = {.times = 0}, again = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  ask_reserve(&h, &first, KEYED);
  ask_reserve(&h, &again, (struct cg_grant_in){.quality = 0, .key = "k1"});
  assert_int_equal(again.code, CG_E_INVALID);
  assert_string_equal(again.lease_id, "");
  ask_as(&h, &again, "bob", "operator", CG_RESERVE,
         (struct cg_grant_in){.camera = "lobby-1", .quality = CG_TIER_NONE, .key = "k1"});
  assert_int_equal(again.code, CG_OK); /* his own key */
  assert_string_not_equal(again.lease_id, first.lease_id);
  harness_close(&h);
}

static void while_the_first_is_under_way_it_is_a_conflict(void **state) {
  struct harness h;
  struct asked first = {.times = 0}, again = {.times = 0};
  (void)state;
  harness_open(&h, ALLOW);
  h.stub->how[STUB_ENSURE] = HOLD;
  ask_reserve(&h, &first, KEYED);
  ask_reserve(&h, &again, KEYED);
  assert_int_equal(again.code, CG_E_CONFLICT);
  h.stub->how[STUB_ENSURE] = NOW;
  stub_let_go(h.stub, STUB_ENSURE);
  harness_run(&h);
  assert_int_equal(first.code, CG_OK);
  assert_int_equal(cg_leases_live(h.service.leases), 1);
  harness_close(&h);
}

static void a_replay_that_fails_costs_the_lease_nothing(void **state) {
  static const enum stub_op steps[] = {STUB_ENSURE, STUB_TOKEN, STUB_ISSUE, STUB_APPEND};
  (void)state;
  for (size_t i = 0; i < CG_COUNT(steps); i++) {
    struct harness h;
    struct asked first = {.times = 0}, again = {.times = 0};
    harness_open(&h, ALLOW);
    ask_reserve(&h, &first, KEYED);
    h.stub->how[steps[i]] = HOLD;
    ask_reserve(&h, &again, KEYED);
    harness_pass(&h, 2 * SECOND);
    while (h.stub->n_held > 0) stub_let_go(h.stub, steps[i]);
    assert_int_equal(again.times, 1);
    assert_int_equal(again.code, CG_E_TIMEOUT);
    assert_int_equal(lease_of(&h, &first)->state, CG_LEASE_ACTIVE);
    assert_int_equal(h.stub->n[STUB_RELEASE], 0);
    assert_int_equal(stub_count(h.stub, "end", ""), 0);
    harness_close(&h);
  }
}

/* ---- replace ---- */

struct replacing {
  struct harness h;
  struct asked old, a;
  const char *ids[1];
};

static void have_old(struct replacing *r) {
  memset(r, 0, sizeof *r);
  harness_open(&r->h, ALLOW);
  have_lease(&r->h, &r->old);
  r->ids[0] = r->old.lease_id;
  r->h.stub->trace[0] = '\0';
}

static void replace(struct replacing *r) {
  ask_reserve(&r->h, &r->a,
              (struct cg_grant_in){.quality = CG_TIER_NONE,
                                   .replace = {.items = r->ids, .n = 1}});
}

static void a_replacing_lease_takes_the_place_over(void **state) {
  struct replacing r;
  (void)state;
  have_old(&r);
  replace(&r);
  assert_int_equal(r.a.code, CG_OK);
  char asks[64];
  snprintf(asks, sizeof asks, "reserve %s of 3\n", r.old.lease_id);
  assert_non_null(strstr(r.h.stub->trace, asks)); /* under the old one's name */
  harness_pass(&r.h, SECOND);
  assert_int_equal(lease_of(&r.h, &r.old)->state, CG_LEASE_ENDED);
  assert_int_equal(lease_of(&r.h, &r.old)->ended_by, CG_ENDED_REPLACED);
  assert_int_equal(r.h.stub->n[STUB_RELEASE], 0); /* the place lives on */
  assert_string_equal(lease_of(&r.h, &r.a)->holding, r.old.lease_id);
  struct asked released = {.times = 0};
  ask_release(&r.h, &released, r.a.lease_id);
  assert_int_equal(released.code, CG_OK);
  harness_pass(&r.h, SECOND);
  snprintf(asks, sizeof asks, "release %s\n", r.old.lease_id);
  assert_non_null(strstr(r.h.stub->trace, asks));
  harness_close(&r.h);
}

static void each_failure_gives_the_place_back_to_the_old_one(void **state) {
  static const enum stub_op steps[] = {STUB_GET,   STUB_RESERVE, STUB_ENSURE,
                                       STUB_TOKEN, STUB_ISSUE,   STUB_APPEND};
  (void)state;
  for (size_t i = 0; i < CG_COUNT(steps); i++) {
    struct replacing r;
    have_old(&r);
    r.h.stub->how[steps[i]] = FAIL;
    r.h.stub->code = CGP_E_UNAVAILABLE;
    replace(&r);
    assert_int_equal(r.a.code, CG_E_UNAVAILABLE);
    assert_int_equal(lease_of(&r.h, &r.old)->state, CG_LEASE_ACTIVE);
    assert_false(lease_of(&r.h, &r.old)->giving_way);
    assert_false(lease_of(&r.h, &r.old)->holding_moved);
    assert_int_equal(r.h.stub->n[STUB_RELEASE], 0);
    assert_int_equal(strstr(r.h.stub->trace, "renew") != NULL, steps[i] != STUB_GET);
    r.h.stub->how[steps[i]] = NOW;
    ask_beat(&r.h, &r.a, r.old.lease_id);
    assert_int_equal(r.a.code, CG_OK);
    harness_close(&r.h);
  }
}

/* The old one ends while its place is being taken over: the place is the new one's. */
static void an_old_one_that_ends_meanwhile_leaves_its_place(void **state) {
  struct replacing r;
  (void)state;
  have_old(&r);
  r.h.stub->how[STUB_RESERVE] = HOLD;
  replace(&r);
  lease_of(&r.h, &r.old)->expires_mono_us = r.h.clock.fake_mono_us;
  cg_lease_watch(&r.h.service, lease_of(&r.h, &r.old));
  harness_pass(&r.h, SECOND / 2);
  assert_int_equal(lease_of(&r.h, &r.old)->state, CG_LEASE_ENDED);
  assert_int_equal(r.h.stub->n[STUB_RELEASE], 0);
  stub_let_go(r.h.stub, STUB_RESERVE);
  harness_run(&r.h);
  assert_int_equal(r.a.code, CG_OK);
  assert_int_equal(r.h.stub->n[STUB_RELEASE], 0);
  harness_close(&r.h);
}

/* The same, but the quota says no: then nobody has the place, and it is given back. */
static void a_place_that_nobody_has_is_given_back(void **state) {
  struct replacing r;
  (void)state;
  have_old(&r);
  r.h.stub->how[STUB_RESERVE] = HOLD;
  replace(&r);
  lease_of(&r.h, &r.old)->expires_mono_us = r.h.clock.fake_mono_us;
  cg_lease_watch(&r.h.service, lease_of(&r.h, &r.old));
  harness_pass(&r.h, SECOND / 2);
  r.h.stub->full = true;
  stub_let_go(r.h.stub, STUB_RESERVE);
  harness_pass(&r.h, SECOND);
  assert_int_equal(r.a.code, CG_E_QUOTA);
  assert_int_equal(r.h.stub->n[STUB_RELEASE], 1);
  harness_close(&r.h);
}

static void only_ones_own_live_leases_give_way(void **state) {
  struct replacing r;
  (void)state;
  have_old(&r);
  ask_as(&r.h, &r.a, "bob", "operator", CG_RESERVE,
         (struct cg_grant_in){.camera = "lobby-1",
                              .quality = CG_TIER_NONE,
                              .replace = {.items = r.ids, .n = 1}});
  assert_int_equal(r.a.code, CG_E_CONFLICT);
  r.h.stub->how[STUB_RENEW] = HOLD;
  struct asked beat = {.times = 0};
  ask_beat(&r.h, &beat, r.old.lease_id);
  replace(&r); /* a beat works on it */
  assert_int_equal(r.a.code, CG_E_CONFLICT);
  stub_let_go(r.h.stub, STUB_RENEW);
  harness_run(&r.h);
  assert_int_equal(beat.code, CG_OK);
  harness_close(&r.h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_key_is_the_same_lease),
      cmocka_unit_test(another_request_with_that_key_is_refused),
      cmocka_unit_test(while_the_first_is_under_way_it_is_a_conflict),
      cmocka_unit_test(a_replay_that_fails_costs_the_lease_nothing),
      cmocka_unit_test(a_replacing_lease_takes_the_place_over),
      cmocka_unit_test(each_failure_gives_the_place_back_to_the_old_one),
      cmocka_unit_test(an_old_one_that_ends_meanwhile_leaves_its_place),
      cmocka_unit_test(a_place_that_nobody_has_is_given_back),
      cmocka_unit_test(only_ones_own_live_leases_give_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
