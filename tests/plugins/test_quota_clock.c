/* quota_valkey and Valkey's clock: a step neither drops the living nor holds the dead. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "quota_bench.h"

#define TTL_MS   400
#define LATE_MS  5000 /* of turns: patience, not a bound of the quota's */
#define EARLY_MS 300  /* as exactly as a step is measured on a busy machine */
#define HOUR_US  (INT64_C(3600) * 1000000)
#define DAY_US   (24 * HOUR_US)

static const struct cgp_scope s = SCOPE("s", 2, false);

static int64_t steps(struct harness *h) {
  return harness_metric(h, "quota_valkey_clock_steps_total", "");
}

static int64_t mono_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* One lease is far from its lapse, one near. */
static int64_t take_two(struct bench *b) {
  int64_t since_ms = mono_ms();
  assert_true(bench_reserve(b, "alive", &s, 1, BENCH_LONG_MS).granted);
  assert_true(bench_reserve(b, "dead", &s, 1, TTL_MS).granted);
  return since_ms;
}

/* The near one lapses in its time, and no earlier; the other stays. */
static void see_one_live_and_one_lapse(struct bench *b, int64_t since_ms) {
  uint64_t lapsed = 0;
  for (int ms = 0; lapsed == 0; ms += 50) {
    assert_true(ms < TTL_MS + LATE_MS);
    assert_true(bench_renew(b, "alive", &s, 1, 1, BENCH_LONG_MS));
    lapsed = harness_quota_sweep(b->h, 0);
    if (lapsed == 0) harness_run_ms(b->h, 50);
  }
  assert_true(mono_ms() - since_ms >= TTL_MS - EARLY_MS);
  assert_int_equal(lapsed, 1);
  assert_true(bench_renew(b, "alive", &s, 1, 1, BENCH_LONG_MS));
  assert_int_equal(bench_usage(b, "s"), 1);
  bench_release(b, "alive");
}

static void a_step_drops_nobody_who_lives_and_holds_nobody_who_is_dead(void **state) {
  static const int64_t offsets[] = {HOUR_US, -HOUR_US, 400 * DAY_US, 0};
  struct bench *b = *state;
  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
    int64_t since_ms = take_two(b);
    harness_quota_sweep(b->h, 0);
    valkey_clock(b->valkey, offsets[i]);
    assert_false(bench_reserve(b, "third", &s, 1, TTL_MS).granted);
    see_one_live_and_one_lapse(b, since_ms);
    assert_int_equal(steps(b->h), i + 1);
  }
  static const char words[] = "its clock stepped by ";
  const char *said = strstr(harness_logged(b->h), words);
  assert_non_null(said);
  int64_t off_ms = strtoll(said + sizeof words - 1, NULL, 10) - HOUR_US / 1000;
  assert_true(off_ms > -1000 && off_ms < 1000);
}

static void two_gates_even_a_step_out_once(void **state) {
  struct bench *b = *state;
  struct harness *other = harness_open(b->plugin, b->options);
  assert_true(bench_reserve(b, "alive", &s, 1, BENCH_LONG_MS).granted);
  harness_quota_sweep(b->h, 0);
  harness_quota_sweep(other, 0);
  valkey_clock(b->valkey, HOUR_US);
  struct harness_call calls[2] = {0};
  cg_quota_sweep(harness_drivers(b->h, 0), harness_answered, &calls[0]);
  cg_quota_sweep(harness_drivers(other, 0), harness_answered, &calls[1]);
  assert_int_equal(harness_wait(b->h, &calls[0]), CGP_OK);
  assert_int_equal(harness_wait(other, &calls[1]), CGP_OK);
  assert_int_equal(steps(b->h) + steps(other), 1);
  assert_true(bench_renew(b, "alive", &s, 1, 1, BENCH_LONG_MS));
  assert_int_equal(harness_quota_sweep(other, 0), 0);
  harness_close(other);
}

/* Another server after a failover: empty, and of another time. */
static void another_servers_clock_is_a_step(void **state) {
  struct bench *b = *state;
  assert_true(bench_reserve(b, "alive", &s, 1, TTL_MS).granted);
  harness_quota_sweep(b->h, 0);
  valkey_kill(b->valkey);
  valkey_clock(b->valkey, -HOUR_US);
  valkey_again(b->valkey);
  for (int ms = 0; !harness_health(b->h, 0, NULL, 0); ms += 20) {
    assert_true(ms < HARNESS_PATIENCE_MS);
    harness_run_ms(b->h, 20);
  }
  assert_false(bench_renew(b, "alive", &s, 1, 1, TTL_MS));
  see_one_live_and_one_lapse(b, take_two(b));
  assert_int_equal(steps(b->h), 1);
}

/* Nobody saw it: a holding from before lapses within its time of the first look. */
static void a_step_while_no_gate_ran_holds_nobody(void **state) {
  struct bench *b = *state;
  assert_true(bench_reserve(b, "dead", &s, 1, TTL_MS).granted);
  harness_close(b->h);
  valkey_clock(b->valkey, -HOUR_US);
  b->h = harness_open(b->plugin, b->options);
  for (int ms = 0; bench_usage(b, "s") != 0; ms += 50) {
    assert_true(ms < TTL_MS + 2 * LATE_MS);
    harness_quota_sweep(b->h, 0);
    harness_run_ms(b->h, 50);
  }
}

/* Small ones are a drift, which is followed. */
static void a_drift_is_no_step(void **state) {
  struct bench *b = *state;
  for (int i = 0; i < 10; i++) {
    harness_quota_sweep(b->h, 0);
    valkey_clock(b->valkey, i * INT64_C(700000));
  }
  harness_quota_sweep(b->h, 0);
  assert_int_equal(steps(b->h), 0);
}

/* What comes late is no step either. */
static void a_server_that_stood_still_has_no_step(void **state) {
  struct bench *b = *state;
  struct harness_call c = {0};
  harness_quota_sweep(b->h, 0);
  valkey_freeze(b->valkey);
  cg_quota_sweep(harness_drivers(b->h, 0), harness_answered, &c);
  harness_run_ms(b->h, 1300);
  valkey_thaw(b->valkey);
  assert_int_equal(harness_wait(b->h, &c), CGP_OK);
  assert_int_equal(steps(b->h), 0);
}

static int setup(void **state) {
  struct bench *b = *state;
  valkey_clock(b->valkey, 0);
  return bench_setup_one(state);
}

#define ON(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON(a_step_drops_nobody_who_lives_and_holds_nobody_who_is_dead),
      ON(two_gates_even_a_step_out_once),
      ON(another_servers_clock_is_a_step),
      ON(a_step_while_no_gate_ran_holds_nobody),
      ON(a_drift_is_no_step),
      ON(a_server_that_stood_still_has_no_step),
  };
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL); /* as the gate */
  return cmocka_run_group_tests_name("quota_valkey's clock", tests, bench_group_valkey,
                                     bench_group_end);
}
