/* Refused credentials: the first at once, those behind it counted in one row. */
#include "base/mem.h"
#include "lease/harness.h"
#include "lease/tally.h"

static int make(void **state) {
  struct harness *h = cg_alloc(sizeof *h);
  harness_open(h, "return allow {}");
  *state = h;
  return 0;
}

static int drop(void **state) {
  harness_close(*state);
  cg_free(*state);
  return 0;
}

static void refuse(struct harness *h, const char *addr) {
  cg_tally_refused(h->service.tally, addr, "a-request", "the token has expired");
}

static size_t rows(struct harness *h) {
  return stub_count(h->stub, "auth", "");
}

static void assert_last(struct harness *h, const char *facts) {
  const struct stub_row *row = stub_last_row(h->stub);
  assert_string_equal(row->outcome, "deny");
  assert_string_equal(row->reason, "the token has expired");
  assert_string_equal(row->facts, facts);
}

static void the_first_is_recorded_at_once(void **state) {
  struct harness *h = *state;
  refuse(h, "192.0.2.1");
  assert_int_equal(rows(h), 1);
  assert_last(h, "{\"count\":1}");
  assert_int_equal(cg_metric_sum(h->metrics, h->metric.refused_tokens), 1);
}

static void a_flood_is_one_row_every_ten_seconds(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 1000; i++) refuse(h, "192.0.2.1");
  assert_int_equal(rows(h), 1);
  harness_pass(h, 11 * SECOND);
  assert_int_equal(rows(h), 2);
  assert_last(h, "{\"count\":999}");
  refuse(h, "192.0.2.2");
  assert_int_equal(rows(h), 2); /* not quiet yet */
  harness_pass(h, 11 * SECOND);
  assert_int_equal(rows(h), 3);
  assert_last(h, "{\"count\":1}");
}

static void after_a_quiet_time_it_is_recorded_at_once_again(void **state) {
  struct harness *h = *state;
  refuse(h, "192.0.2.1");
  harness_pass(h, 30 * SECOND);
  assert_int_equal(rows(h), 1); /* nothing to count */
  refuse(h, "192.0.2.1");
  assert_int_equal(rows(h), 2);
}

static void a_stop_records_what_is_counted(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 5; i++) refuse(h, "192.0.2.1");
  cg_tally_flush(h->service.tally);
  assert_last(h, "{\"count\":4}");
  cg_tally_flush(h->service.tally);
  assert_int_equal(rows(h), 2);
}

static void a_row_that_fails_is_logged(void **state) {
  struct harness *h = *state;
  stub_next(h->stub, STUB_APPEND, FAIL, 1);
  refuse(h, "192.0.2.1");
  assert_int_equal(rows(h), 0);
  assert_int_equal(harness_lines(h, "refused credentials could not be recorded"), 1);
}

int main(void) {
#define TALLY(test) cmocka_unit_test_setup_teardown(test, make, drop)
  const struct CMUnitTest tests[] = {
      TALLY(the_first_is_recorded_at_once),
      TALLY(a_flood_is_one_row_every_ten_seconds),
      TALLY(after_a_quiet_time_it_is_recorded_at_once_again),
      TALLY(a_stop_records_what_is_counted),
      TALLY(a_row_that_fails_is_logged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
