/* audit_sqlite: whatever breaks, no row is acknowledged that is not there, none refused
 * that is, and the trail recovers by itself. */
#include "audit_trail.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfs_shim.h"

/* ------------------------------------------------------------------------------- faults */

/* Failing the nth write or sync: what was acknowledged is there, what was refused is not,
 * and the trail recovers by itself. */
static void fail_at(enum shim_op op, long nth, bool for_ever, int code) {
  struct shim *shim = shim_register("faulty");
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{\"vfs\": \"faulty\"}", 1);
  add_many(&t, 3);
  shim_fail(shim, op, nth, for_ever, code);
  int acknowledged = 3, refused = 0;
  for (int i = 0; i < 12; i++) {
    char words[256];
    bool ok = try_add(&t, words, sizeof words) == CGP_OK;
    acknowledged += ok;
    refused += !ok;
    if (!ok) assert_non_null(strstr(words, "audit.db"));
  }
  assert_true(refused > 0);
  assert_false(harness_health(t.h, 0, NULL, 0));
  shim_heal(shim);
  until_writable(&t);
  assert_true(harness_health(t.h, 0, NULL, 0));
  struct cgp_audit_verdict v = ask_verdict(&t);
  assert_true(v.intact);
  assert_int_equal(v.rows, acknowledged + 1);
  trail_remove(&t);
  shim_unregister(shim);
}

static void survives_failing_syncs(void **state) {
  (void)state;
  for (long nth = 1; nth <= 4; nth++) {
    fail_at(SHIM_SYNC, nth, false, SQLITE_IOERR_FSYNC);
    fail_at(SHIM_SYNC, nth, true, SQLITE_IOERR_FSYNC);
  }
}

static void survives_failing_writes(void **state) {
  (void)state;
  for (long nth = 1; nth <= 12; nth += 1)
    fail_at(SHIM_WRITE, nth, nth % 2, SQLITE_IOERR_WRITE);
}

static void survives_a_full_disk(void **state) {
  (void)state;
  for (long nth = 1; nth <= 6; nth++) fail_at(SHIM_WRITE, nth, true, SQLITE_FULL);
}

static void a_hanging_sync_blocks_nobody_else(void **state) {
  (void)state;
  struct shim *shim = shim_register("hanging");
  struct trail t;
  char words[256];
  trail_paths(&t);
  trail_open(&t, "{\"vfs\": \"hanging\"}", 1);
  add_many(&t, 3);
  shim_hold(shim);
  struct cgp_audit_row row = harness_audit_row("admin");
  struct harness_call caught = {0};
  cg_audit_append(harness_drivers(t.h, 0), &row, harness_answered, &caught);
  harness_run_ms(t.h, 1200);
  assert_false(caught.done);
  assert_int_equal(try_add(&t, words, sizeof words), CGP_E_UNAVAILABLE);
  assert_non_null(strstr(words, "hangs"));
  assert_false(harness_health(t.h, 0, NULL, 0));
  assert_int_equal(ask(&t, anything(10)).n, 3);
  shim_let_go(shim);
  assert_int_equal(harness_wait(t.h, &caught), CGP_OK);
  assert_int_equal(try_add(&t, NULL, 0), CGP_OK);
  trail_remove(&t);
  shim_unregister(shim);
}

static void notices_that_the_file_was_moved(void **state) {
  (void)state;
  struct trail t;
  char away[128], words[256];
  trail_paths(&t);
  (void)snprintf(away, sizeof away, "%s.away", t.db);
  trail_open(&t, "{}", 1);
  add_many(&t, 5);
  assert_int_equal(rename(t.db, away), 0);
  assert_int_equal(try_add(&t, words, sizeof words), CGP_E_UNAVAILABLE);
  assert_non_null(strstr(words, "audit.db"));
  assert_int_equal(try_add(&t, NULL, 0), CGP_E_UNAVAILABLE);
  assert_int_equal(rename(away, t.db), 0);
  until_writable(&t);
  struct cgp_audit_verdict v = ask_verdict(&t);
  assert_true(v.intact);
  assert_int_equal(v.rows, 6);
  trail_remove(&t);
}

static void an_emptied_file_stays_refused(void **state) {
  (void)state;
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  add_many(&t, 5);
  assert_int_equal(unlink(t.db), 0);
  FILE *empty = fopen(t.db, "w");
  assert_non_null(empty);
  assert_int_equal(fclose(empty), 0);
  assert_int_equal(try_add(&t, NULL, 0), CGP_E_UNAVAILABLE);
  harness_run_ms(t.h, 600);
  assert_int_equal(try_add(&t, NULL, 0), CGP_E_UNAVAILABLE);
  assert_false(harness_health(t.h, 0, NULL, 0));
  trail_remove(&t);
}

static void one_writer_and_many_readers(void **state) {
  (void)state;
  struct trail t, second;
  struct cg_err err;
  trail_paths(&t);
  second = t;
  assert_null(trail_try(&second, "{\"read_only\": true}", 1, &err));
  trail_open(&t, "{}", 1);
  add_many(&t, 5);
  assert_null(trail_try(&second, "{}", 1, &err));
  assert_non_null(strstr(err.text, "another process"));
  trail_open(&second, "{\"read_only\": true}", 1);
  assert_int_equal(ask(&second, anything(100)).n, 5);
  assert_true(ask_verdict(&second).intact);
  assert_int_equal(try_add(&second, NULL, 0), CGP_E_UNAVAILABLE);
  trail_shut(&second);
  trail_remove(&t);
}

static void a_full_queue_says_so(void **state) {
  (void)state;
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{\"queue\": 1}", 1);
  static struct harness_call calls[500];
  memset(calls, 0, sizeof calls);
  struct cgp_audit_row row = harness_audit_row("admin");
  int64_t durable = 0, busy = 0;
  for (int i = 0; i < 500; i++)
    cg_audit_append(harness_drivers(t.h, 0), &row, harness_answered, &calls[i]);
  for (int i = 0; i < 500; i++) {
    enum cgp_code code = harness_wait(t.h, &calls[i]);
    durable += code == CGP_OK;
    busy += code == CGP_E_BUSY;
  }
  assert_int_equal(durable + busy, 500);
  assert_true(busy > 0);
  assert_int_equal(ask_verdict(&t).rows, durable);
  trail_remove(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(survives_failing_syncs),
      cmocka_unit_test(survives_failing_writes),
      cmocka_unit_test(survives_a_full_disk),
      cmocka_unit_test(a_hanging_sync_blocks_nobody_else),
      cmocka_unit_test(notices_that_the_file_was_moved),
      cmocka_unit_test(an_emptied_file_stays_refused),
      cmocka_unit_test(one_writer_and_many_readers),
      cmocka_unit_test(a_full_queue_says_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
