/* The wall clock is set: found once, told, counted, recorded; never without bound. */
#include "lease/clock_watch.h"

#include "lease/harness.h"

#define HOUR (3600 * SECOND)

static int make(void **state) {
  struct harness *h = cg_alloc(sizeof *h);
  harness_open(h, "return allow{}");
  if (!cg_clock_watch_start(&h->service)) return -1;
  *state = h;
  return 0;
}

static int drop(void **state) {
  harness_close(*state);
  cg_free(*state);
  return 0;
}

static void step(struct harness *h, int64_t us) {
  h->clock.fake_wall_us += us;
  harness_pass(h, SECOND);
}

static int64_t counted(struct harness *h) {
  return cg_metric_sum(h->metrics, h->metric.clock_steps);
}

static void a_step_has_a_row_a_line_and_a_count(void **state) {
  struct harness *h = *state;
  step(h, HOUR);
  assert_int_equal(stub_count(h->stub, "clock", ""), 1);
  assert_string_equal(stub_last_row(h->stub)->reason,
                      "the wall clock was set forward by 3600.000 s");
  assert_non_null(strstr(stub_last_row(h->stub)->facts,
                         "{\"step_ms\":3600000,\"steps\":1,\"wall_before\":"
                         "\"2026-11-23T12:30:"));
  assert_non_null(
      strstr(stub_last_row(h->stub)->facts, "\"wall_after\":\"2026-11-23T13:30:"));
  step(h, -2 * HOUR);
  assert_string_equal(stub_last_row(h->stub)->reason,
                      "the wall clock was set back by 7200.000 s");
  assert_int_equal(counted(h), 2);
  assert_int_equal(harness_lines(h, "the wall clock was set"), 2);
}

static void a_clock_that_drifts_is_followed_and_not_told(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 20; i++) step(h, i % 3 ? 900000 : -400000);
  assert_int_equal(counted(h), 0);
  assert_int_equal(stub_count(h->stub, "clock", ""), 0);
  assert_int_equal(cg_tell_trail(&h->teller, 0), cg_tell(&h->teller, 0));
}

static void a_gap_is_no_step(void **state) {
  struct harness *h = *state;
  h->clock.fake_mono_us += HOUR;
  step(h, HOUR);
  assert_int_equal(counted(h), 0);
}

/* Rows tell times as of the newest clock row before them. */
static void the_trail_tells_the_new_time_behind_the_row(void **state) {
  struct harness *h = *state;
  int64_t before = cg_tell_trail(&h->teller, 0);
  h->stub->code = CGP_E_UNAVAILABLE;
  h->stub->how[STUB_APPEND] = FAIL;
  step(h, HOUR);
  assert_int_equal(cg_tell(&h->teller, 0), before + HOUR);
  assert_int_equal(cg_tell_trail(&h->teller, 0), before);
  h->stub->how[STUB_APPEND] = NOW;
  harness_pass(h, 10 * SECOND);
  assert_int_equal(stub_count(h->stub, "clock", ""), 1);
  assert_int_equal(cg_tell_trail(&h->teller, 0), before + HOUR);
  assert_int_equal(harness_lines(h, "the wall clock was set"), 1);
}

/* Every second, for ten minutes: some rows, and together they say all. */
static void a_clock_that_is_set_all_the_time_has_few_rows(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 600; i++) step(h, i % 2 ? -HOUR : HOUR + 2 * SECOND);
  harness_pass(h, 20 * SECOND);
  assert_int_equal(counted(h), 600);
  assert_in_range(stub_count(h->stub, "clock", ""), 60, 72);
  assert_in_range(harness_lines(h, "the wall clock was set"), 60, 72);
  int64_t sum_ms = 0, steps = 0;
  for (size_t i = 0; i < h->stub->n_rows; i++) {
    long long ms, n;
    assert_int_equal(
        sscanf(h->stub->rows[i].facts, "{\"step_ms\":%lld,\"steps\":%lld,", &ms, &n), 2);
    sum_ms += ms;
    steps += n;
  }
  assert_int_equal(sum_ms, 600000);
  assert_int_equal(steps, 600);
  assert_int_equal(cg_tell_trail(&h->teller, 0), cg_tell(&h->teller, 0));
}

static void no_clock_can_break_it(void **state) {
  struct harness *h = *state;
  const int64_t walls[] = {-5 * SECOND, INT64_C(253402300799) * SECOND, 0,
                           INT64_C(-62135596800) * SECOND, HARNESS_NOW};
  for (size_t i = 0; i < CG_COUNT(walls); i++) {
    struct cg_lease *l = cg_lease_ref(harness_lease(h, "alice", "lobby-1"));
    h->clock.fake_wall_us = walls[i];
    harness_pass(h, 59 * SECOND);
    assert_int_equal(l->state, CG_LEASE_ACTIVE);
    harness_pass(h, 2 * SECOND);
    assert_int_equal(l->ended_by, CG_ENDED_EXPIRED);
    cg_lease_unref(l);
  }
  assert_int_equal(counted(h), 5);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, drop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_step_has_a_row_a_line_and_a_count),
      TEST(a_clock_that_drifts_is_followed_and_not_told),
      TEST(a_gap_is_no_step),
      TEST(the_trail_tells_the_new_time_behind_the_row),
      TEST(a_clock_that_is_set_all_the_time_has_few_rows),
      TEST(no_clock_can_break_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
