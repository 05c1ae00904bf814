/* What became last of an op, as readiness tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include <string.h>

#include "plugin/outcome.h"

#define SECOND INT64_C(1000000)

struct bed {
  struct cg_clock clock;
  struct cg_metrics *metrics;
  struct cg_outcome o;
};

static int setup(void **state) {
  static struct bed b;
  b = (struct bed){.clock = cg_clock_fake(0)};
  b.metrics = cg_metrics_new(1);
  cg_outcome_init(&b.o, &b.clock, b.metrics, cg_outcome_metric(b.metrics, "p"), 0);
  *state = &b;
  return 0;
}

static int teardown(void **state) {
  struct bed *b = *state;
  cg_outcome_done(&b->o);
  cg_metrics_free(b->metrics);
  return 0;
}

static int64_t fails(struct bed *b) {
  char text[64] = "";
  int64_t since = cg_outcome_read(&b->o, text, sizeof text);
  assert_int_equal(cg_metric_sum(b->metrics, b->o.metric), since != 0);
  assert_int_equal(*text != '\0', since != 0);
  return since;
}

static void fail_at(struct bed *b, int64_t us) {
  b->clock.fake_mono_us = us;
  cg_outcome_note(&b->o, CGP_E_UNAVAILABLE, "away");
}

static bool probe_ends_it(struct bed *b, int64_t us) {
  b->clock.fake_mono_us = us;
  cg_outcome_probed_well(&b->o);
  return !fails(b);
}

static void it_fails_from_the_first_failure_until_a_success(void **state) {
  struct bed *b = *state;
  char text[64];
  assert_int_equal(fails(b), 0);
  fail_at(b, 3 * SECOND);
  b->clock.fake_mono_us = 4 * SECOND;
  cg_outcome_note(&b->o, CGP_E_TIMEOUT, "silent");
  assert_int_equal(fails(b), 3 * SECOND);
  cg_outcome_read(&b->o, text, sizeof text);
  assert_string_equal(text, "silent");
  cg_outcome_note(&b->o, CGP_OK, "");
  assert_int_equal(fails(b), 0);
}

static void what_is_about_the_caller_counts_neither_way(void **state) {
  static const enum cgp_code codes[] = {CGP_E_INVALID, CGP_E_NOTFOUND, CGP_E_BUSY};
  struct bed *b = *state;
  for (size_t i = 0; i < 3; i++) cg_outcome_note(&b->o, codes[i], "no");
  assert_int_equal(fails(b), 0);
  fail_at(b, 3 * SECOND);
  for (size_t i = 0; i < 3; i++) cg_outcome_note(&b->o, codes[i], "no");
  assert_int_equal(fails(b), 3 * SECOND);
}

static void a_probe_is_believed_when_no_request_speaks_against_it(void **state) {
  struct bed *b = *state;
  fail_at(b, 10 * SECOND);
  fail_at(b, 11 * SECOND);
  assert_false(probe_ends_it(b, 11 * SECOND + CG_DOUBT_US - 1));
  assert_true(probe_ends_it(b, 11 * SECOND + CG_DOUBT_US));
}

static void a_probe_that_was_wrong_is_believed_later(void **state) {
  struct bed *b = *state;
  int64_t at = 10 * SECOND, doubt = CG_DOUBT_US;
  for (int i = 0; i < 8; i++) {
    fail_at(b, at);
    assert_false(probe_ends_it(b, at + doubt - 1));
    assert_true(probe_ends_it(b, at + doubt));
    at += 2 * doubt;
    doubt = 2 * doubt < CG_DOUBT_MOST_US ? 2 * doubt : CG_DOUBT_MOST_US;
  }
  cg_outcome_note(&b->o, CGP_OK, ""); /* a request that went well: as at first */
  fail_at(b, at);
  assert_true(probe_ends_it(b, at + CG_DOUBT_US));
}

#define OUTCOME(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      OUTCOME(it_fails_from_the_first_failure_until_a_success),
      OUTCOME(what_is_about_the_caller_counts_neither_way),
      OUTCOME(a_probe_is_believed_when_no_request_speaks_against_it),
      OUTCOME(a_probe_that_was_wrong_is_believed_later),
  };
  return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
