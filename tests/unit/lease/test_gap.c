/* What a gap in the worker's time and a step of the wall clock are to its leases. */
#include "lease/gap.h"

#include "lease/harness.h"
#include "lease/turning.h"

#define HOUR (3600 * SECOND)
#define DAY  (24 * HOUR)

static struct cg_lease *one(struct harness *h) {
  return cg_lease_ref(harness_lease(h, "alice", "lobby-1"));
}

/* The worker stands still, and the loop finds out: nothing else has happened yet. */
static void stand_still(struct harness *h, int64_t us) {
  h->clock.fake_wall_us += us;
  h->clock.fake_mono_us += us;
  cg_gap(&h->service, us);
}

/* ---- the wall clock ---- */

static void a_step_of_the_wall_clock_ends_no_lease_and_keeps_none(void **state) {
  struct harness *h = *state;
  const int64_t steps[] = {HOUR, -HOUR, 400 * DAY, -400 * DAY};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    struct cg_lease *l = one(h);
    h->clock.fake_wall_us += steps[i];
    harness_pass(h, 59 * SECOND);
    assert_int_equal(l->state, CG_LEASE_ACTIVE);
    harness_pass(h, 2 * SECOND);
    assert_int_equal(l->ended_by, CG_ENDED_EXPIRED);
    cg_lease_unref(l);
  }
}

static void what_is_told_follows_the_wall_clock(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  assert_int_equal(cg_service_tell(&h->service, l->ends_mono_us), HARNESS_NOW + HOUR);
  h->clock.fake_wall_us += 2 * HOUR;
  assert_int_equal(cg_service_tell(&h->service, l->ends_mono_us), HARNESS_NOW + 3 * HOUR);
  h->clock.fake_wall_us -= 400 * DAY;
  assert_int_equal(cg_service_tell(&h->service, l->ends_mono_us),
                   HARNESS_NOW + 3 * HOUR - 400 * DAY);
  cg_lease_unref(l);
}

/* ---- a gap ---- */

static void behind_a_gap_a_lease_has_one_lapse_to_beat_in(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  harness_pass(h, 50 * SECOND);
  stand_still(h, 180 * SECOND);
  harness_pass(h, 59 * SECOND);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  harness_pass(h, 2 * SECOND);
  assert_int_equal(l->ended_by, CG_ENDED_EXPIRED);
  assert_string_equal(l->ended_reason, "no heartbeat");
  cg_lease_unref(l);
}

/* Or a gate that is stopped and woken all the time would keep silent leases for ever. */
static void behind_further_gaps_it_has_what_it_had_left(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  stand_still(h, 180 * SECOND);
  for (int i = 0; i < 5; i++) {
    harness_pass(h, 11 * SECOND);
    assert_int_equal(l->state, CG_LEASE_ACTIVE);
    stand_still(h, 30 * SECOND);
  }
  harness_pass(h, 6 * SECOND);
  assert_int_equal(l->ended_by, CG_ENDED_EXPIRED);
  cg_lease_unref(l);
}

static void a_gap_shorter_than_a_beat_stops_the_clock(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  harness_pass(h, 50 * SECOND);
  stand_still(h, 5 * SECOND);
  harness_pass(h, 9 * SECOND);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  harness_pass(h, 2 * SECOND);
  assert_int_equal(l->ended_by, CG_ENDED_EXPIRED);
  cg_lease_unref(l);
}

static void a_hard_end_does_not_move(void **state) {
  struct harness *h = *state;
  struct cg_lease *soon = one(h), *passed = one(h);
  soon->ends_mono_us = cg_service_mono(&h->service) + 190 * SECOND;
  passed->ends_mono_us = cg_service_mono(&h->service) + 100 * SECOND;
  stand_still(h, 180 * SECOND);
  harness_pass(h, SECOND / 10);
  assert_string_equal(passed->ended_reason, "its time was up");
  harness_pass(h, 9 * SECOND);
  assert_int_equal(soon->state, CG_LEASE_ACTIVE);
  harness_pass(h, SECOND);
  assert_string_equal(soon->ended_reason, "its time was up");
  cg_lease_unref(soon);
  cg_lease_unref(passed);
}

/* A peer stands still, and beats may wait in its sockets. */
static void nor_while_a_worker_stands_still(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  l->ends_mono_us = cg_service_mono(&h->service) + 70 * SECOND;
  atomic_store(&h->service.regaining, true);
  harness_pass(h, 69 * SECOND);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  harness_pass(h, 2 * SECOND);
  assert_string_equal(l->ended_reason, "its time was up");
  atomic_store(&h->service.regaining, false);
  cg_lease_unref(l);
}

static void on_a_machine_that_is_always_late_it_ends_too(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  int gaps = 0;
  for (; gaps < 1000 && l->state == CG_LEASE_ACTIVE; gaps++) {
    stand_still(h, 12 * SECOND);
    atomic_store(&h->service.regaining, true);
    harness_pass(h, SECOND / 10);
  }
  assert_in_range(gaps, CG_GAPS_MAX, CG_GAPS_MAX + 60);
  assert_string_equal(l->ended_reason, "no heartbeat");
  atomic_store(&h->service.regaining, false);
  cg_lease_unref(l);
}

/* ---- the quota ---- */

static size_t held(struct harness *h, const struct cg_lease *l) {
  char line[64];
  snprintf(line, sizeof line, "hold %s", l->holding);
  return stub_asked(h->stub, line);
}

static void its_place_is_taken_again_and_nobody_asks_in_between(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  struct cg_gap_wait wait = {{NULL, NULL}, NULL, NULL};
  assert_false(cg_gap_waits(&h->service, &wait, NULL, NULL));
  assert_true(cg_all_turn(&h->service));
  stub_next(h->stub, STUB_RESTORE, HOLD, 1);
  stand_still(h, 180 * SECOND);
  assert_int_equal(held(h, l), 1);
  assert_false(cg_all_turn(&h->service));
  stub_let_go(h->stub, STUB_RESTORE);
  harness_pass(h, SECOND / 10);
  assert_true(cg_all_turn(&h->service));
  assert_int_equal(held(h, l), 1);
  cg_lease_unref(l);
}

struct heard {
  int times;
  bool ok;
};

static void hear(void *arg, bool ok) {
  struct heard *heard = arg;
  heard->times++;
  heard->ok = ok;
}

static void who_is_about_to_ask_waits_until_all_have_theirs(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  struct cg_gap_wait wait = {{NULL, NULL}, NULL, NULL};
  struct heard heard = {0, false};
  stub_next(h->stub, STUB_RESTORE, HOLD, 1);
  stand_still(h, 180 * SECOND);
  assert_true(cg_gap_waits(&h->service, &wait, hear, &heard));
  harness_pass(h, SECOND / 2);
  assert_int_equal(heard.times, 0);
  stub_let_go(h->stub, STUB_RESTORE);
  harness_pass(h, SECOND / 10);
  assert_true(heard.times == 1 && heard.ok);
  assert_false(cg_gap_waits(&h->service, &wait, hear, &heard));
  cg_lease_unref(l);
}

/* It is tried until the quota has answered; who waits hears after two seconds. */
static void a_quota_that_is_away_is_asked_again(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  struct cg_gap_wait wait = {{NULL, NULL}, NULL, NULL};
  struct heard heard = {0, false};
  h->stub->code = CGP_E_UNAVAILABLE;
  h->stub->how[STUB_RESTORE] = FAIL;
  stand_still(h, 180 * SECOND);
  assert_true(cg_gap_waits(&h->service, &wait, hear, &heard));
  harness_pass(h, 3 * SECOND);
  assert_true(heard.times == 1 && !heard.ok);
  assert_int_equal(harness_lines(h, "quota not taken again yet"), 4);
  h->stub->how[STUB_RESTORE] = NOW;
  harness_pass(h, 5 * SECOND);
  assert_true(cg_all_turn(&h->service));
  assert_false(cg_gap_waits(&h->service, &wait, hear, &heard));
  cg_lease_unref(l);
}

/* An answer that was on its way when the gate stood still once more tells nothing. */
static void a_gap_behind_a_gap_begins_anew(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  stub_next(h->stub, STUB_RESTORE, HOLD, 1);
  stand_still(h, 180 * SECOND);
  stand_still(h, 180 * SECOND);
  assert_int_equal(held(h, l), 1);
  stub_let_go(h->stub, STUB_RESTORE);
  harness_pass(h, SECOND / 10);
  assert_int_equal(held(h, l), 2);
  assert_true(cg_all_turn(&h->service));
  assert_int_equal(cg_metric_sum(h->metrics, h->metric.gaps), 2);
  cg_lease_unref(l);
}

#define CROWD 3000 /* several parts of the table */

static void every_lease_of_a_crowd_has_its_place_again(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < CROWD; i++) harness_lease(h, "alice", "lobby-1");
  stand_still(h, 180 * SECOND);
  harness_run(h);
  assert_int_equal(h->stub->n_restored, CROWD);
}

static void there_is_no_memory_for_a_while(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  cg_mem_fail_from(1, 1000);
  stand_still(h, 180 * SECOND);
  cg_mem_fail_after(0);
  assert_int_equal(held(h, l), 0);
  harness_pass(h, SECOND);
  assert_int_equal(held(h, l), 1);
  assert_true(cg_all_turn(&h->service));
  cg_lease_unref(l);
}

static int set_up(void **state) {
  struct harness *h = cg_alloc(sizeof *h);
  harness_open(h, "return allow{}");
  *state = h;
  return 0;
}

static int tear_down(void **state) {
  harness_close(*state);
  cg_free(*state);
  return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_step_of_the_wall_clock_ends_no_lease_and_keeps_none),
      TEST(what_is_told_follows_the_wall_clock),
      TEST(behind_a_gap_a_lease_has_one_lapse_to_beat_in),
      TEST(behind_further_gaps_it_has_what_it_had_left),
      TEST(a_gap_shorter_than_a_beat_stops_the_clock),
      TEST(a_hard_end_does_not_move),
      TEST(nor_while_a_worker_stands_still),
      TEST(on_a_machine_that_is_always_late_it_ends_too),
      TEST(its_place_is_taken_again_and_nobody_asks_in_between),
      TEST(who_is_about_to_ask_waits_until_all_have_theirs),
      TEST(a_quota_that_is_away_is_asked_again),
      TEST(a_gap_behind_a_gap_begins_anew),
      TEST(every_lease_of_a_crowd_has_its_place_again),
      TEST(there_is_no_memory_for_a_while),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
