/* audit_sqlite: the rows of one append are all there or none, in order, and whoever was
 * told of a failure can rely on it. */
#include "audit_trail.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "vfs_shim.h"

#define MOST CGP_AUDIT_ROWS_MAX

struct group {
  struct cgp_audit_row rows[MOST + 1];
  char reasons[MOST + 1][24];
  struct cgp_audit_appended appended;
  struct harness_call call;
};

/* Rows whose reasons are NAME/1, NAME/2, ... */
static void make(struct group *g, const char *name, size_t n) {
  memset(g, 0, sizeof *g);
  for (size_t i = 0; i < n; i++) {
    (void)snprintf(g->reasons[i], sizeof g->reasons[i], "%s/%zu", name, i + 1);
    g->rows[i] = decision("", "deny", "alice", "lobby-1");
    g->rows[i].reason = g->reasons[i];
  }
  g->call.to = &g->appended;
  g->call.to_size = sizeof g->appended;
}

static void push(struct trail *t, uint32_t worker, struct group *g, size_t n) {
  cg_audit_append(harness_drivers(t->h, worker), g->rows, n, harness_answered, &g->call);
}

static void expect_intact(struct trail *t, int64_t rows) {
  struct cgp_audit_verdict v = ask_verdict(t);
  assert_true(v.intact);
  assert_int_equal(v.rows, rows);
}

static void a_group_stays_together_and_in_order(void **state) {
  (void)state;
  enum { GROUPS = 24 };
  static struct group groups[GROUPS];
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 2);
  int64_t total = 0;
  for (int i = 0; i < GROUPS; i++) {
    size_t n = i % 3 == 0 ? MOST : (size_t)i;
    char name[16];
    (void)snprintf(name, sizeof name, "%d", i);
    make(&groups[i], name, n);
    push(&t, (uint32_t)i % 2, &groups[i], n);
    total += (int64_t)n;
  }
  for (int i = 0; i < GROUPS; i++) {
    assert_int_equal(harness_wait(t.h, &groups[i].call), CGP_OK);
    assert_int_equal(groups[i].call.times, 1);
  }
  expect_intact(&t, total);
  trail_shut(&t);
  /* of each group: one row behind the other, the last one where the answer said */
  assert_sql(
      t.db,
      "SELECT count(*) FROM (SELECT max(seq) - min(seq) + 1 - count(*) AS holes "
      "FROM events GROUP BY substr(reason, 1, instr(reason, '/'))) WHERE holes <> 0",
      "0");
  assert_sql(
      t.db,
      "SELECT count(*) FROM events a JOIN events b ON b.seq = a.seq + 1 WHERE "
      "b.reason NOT LIKE '%/1' AND CAST(substr(b.reason, instr(b.reason, '/') + 1) "
      "AS INT) <> CAST(substr(a.reason, instr(a.reason, '/') + 1) AS INT) + 1",
      "0");
  for (int i = 0; i < GROUPS; i++) {
    char question[96], last[24];
    (void)snprintf(question, sizeof question,
                   "SELECT reason FROM events WHERE seq = %lld",
                   (long long)groups[i].appended.seq);
    (void)snprintf(last, sizeof last, "%d/%d", i, i % 3 == 0 ? MOST : i);
    assert_sql(t.db, question, last);
    if (i > 0) /* whichever worker brought it */
      assert_true(groups[i].appended.seq > groups[i - 1].appended.seq);
  }
  assert_sql(t.db, "SELECT count(*) - count(DISTINCT id) FROM events", "0");
  trail_remove(&t);
}

static void only_whole_groups_are_taken(void **state) {
  (void)state;
  static struct group g;
  static char wide[300000];
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  make(&g, "none", 1);
  push(&t, 0, &g, 0);
  assert_int_equal(harness_wait(t.h, &g.call), CGP_E_INVALID);
  make(&g, "many", MOST + 1);
  push(&t, 0, &g, MOST + 1);
  assert_int_equal(harness_wait(t.h, &g.call), CGP_E_INVALID);
  make(&g, "wide", 9);
  memset(wide, 'w', sizeof wide - 1);
  g.rows[8].reason = wide;
  push(&t, 0, &g, 9);
  assert_int_equal(harness_wait(t.h, &g.call), CGP_E_INVALID);
  assert_non_null(strstr(g.call.text, "256 KiB"));
  expect_intact(&t, 0);
  trail_remove(&t);
}

/* So long that a group is written in several pieces (gather.h). */
static void make_long(struct group *g, const char *name, size_t n) {
  static char facts[2048];
  memset(facts, ' ', sizeof facts - 1);
  memcpy(facts, "{}", 2);
  make(g, name, n);
  for (size_t i = 0; i < n; i++) g->rows[i].facts = facts;
}

/* Whichever write or sync of it fails. */
static void a_group_that_fails_leaves_no_row(void **state) {
  (void)state;
  static const struct {
    enum shim_op op;
    int code;
    long calls; /* of a group */
  } faults[] = {{SHIM_WRITE, SQLITE_FULL, 5}, {SHIM_SYNC, SQLITE_IOERR_FSYNC, 1}};
  static struct group g;
  struct shim *shim = shim_register("groups");
  struct trail t;
  int64_t there = 0;
  trail_paths_in_memory(&t);
  trail_open(&t, "{\"vfs\": \"groups\"}", 1);
  for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
    for (long nth = 1; nth <= faults[f].calls; nth++) {
      make_long(&g, "failing", MOST);
      shim_fail(shim, faults[f].op, nth, false, faults[f].code);
      push(&t, 0, &g, MOST);
      assert_int_equal(harness_wait(t.h, &g.call), CGP_E_UNAVAILABLE);
      shim_heal(shim);
      until_writable(&t);
      expect_intact(&t, ++there);
      make(&g, "sound", 3);
      push(&t, 0, &g, 3);
      assert_int_equal(harness_wait(t.h, &g.call), CGP_OK);
      assert_int_equal(g.appended.seq, there += 3);
    }
  trail_remove(&t);
  shim_unregister(shim);
}

static void until_begun(struct trail *t, const char *batch) {
  char health[256] = "";
  for (int i = 0; i < 500 && !strstr(health, batch); i++) {
    harness_run_ms(t->h, 1);
    (void)harness_health(t->h, 0, health, sizeof health);
  }
  assert_non_null(strstr(health, batch));
}

/* What waited behind a sync that hung for 0.8 s is refused and not written; what the disk
 * was at work on is there. */
static void a_group_that_comes_too_late_is_refused_whole(void **state) {
  (void)state;
  static struct group first, late;
  struct shim *shim = shim_register("late");
  struct trail t;
  trail_paths_in_memory(&t);
  trail_open(&t, "{\"vfs\": \"late\"}", 1);
  shim_hold(shim);
  make(&first, "first", 2);
  push(&t, 0, &first, 2);
  until_begun(&t, "batch 2");
  make(&late, "late", MOST);
  push(&t, 0, &late, MOST);
  harness_run_ms(t.h, 850);
  assert_false(first.call.done);
  assert_false(late.call.done);
  shim_let_go(shim);
  assert_int_equal(harness_wait(t.h, &late.call), CGP_E_UNAVAILABLE);
  assert_non_null(strstr(late.call.text, "not written"));
  assert_int_equal(harness_wait(t.h, &first.call), CGP_OK);
  assert_int_equal(first.appended.seq, 2);
  assert_int_equal(try_add(&t, NULL, 0), CGP_OK);
  expect_intact(&t, 3);
  trail_remove(&t);
  shim_unregister(shim);
}

static void open_with_short_deadlines(struct trail *t, const char *options) {
  const struct harness_config config = {.plugin = "audit_sqlite",
                                        .options = options,
                                        .state_dir = t->dir,
                                        .workers = 1,
                                        .deadline_ms = 100};
  struct cg_err err = {.text = ""};
  trail_paths_in_memory(t);
  t->h = harness_try(&config, &err);
  if (!t->h) fail_msg("%s", err.text);
}

/* A deadline that passes tells nothing; who has to know waits. */
static void who_is_patient_is_told_what_became_of_it(void **state) {
  (void)state;
  static struct group hasty, patient;
  struct shim *shim = shim_register("patient");
  struct trail t;
  open_with_short_deadlines(&t, "{\"vfs\": \"patient\"}");
  shim_hold(shim);
  make(&hasty, "hasty", 2);
  make(&patient, "patient", 3);
  push(&t, 0, &hasty, 2);
  cg_audit_append_patient(harness_drivers(t.h, 0), patient.rows, 3, harness_answered,
                          &patient.call);
  assert_int_equal(harness_wait(t.h, &hasty.call), CGP_E_TIMEOUT);
  assert_false(patient.call.done);
  shim_let_go(shim);
  assert_int_equal(harness_wait(t.h, &patient.call), CGP_OK);
  assert_int_equal(patient.appended.seq, 5);
  assert_int_equal(hasty.call.times, 1);
  trail_shut(&t);
  assert_sql(t.db, "SELECT count(*) FROM events WHERE reason LIKE 'hasty/%'", "2");
  trail_remove(&t);
  shim_unregister(shim);
}

static void a_stop_answers_what_is_under_way(void **state) {
  (void)state;
  static struct group groups[8];
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  for (int i = 0; i < 8; i++) {
    make(&groups[i], "stop", MOST);
    push(&t, 0, &groups[i], MOST);
  }
  trail_shut(&t);
  for (int i = 0; i < 8; i++) {
    assert_int_equal(groups[i].call.times, 1);
    assert_int_equal(groups[i].call.code, CGP_OK);
  }
  assert_sql(t.db, "SELECT count(*) FROM events", "2048");
  trail_remove(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_group_stays_together_and_in_order),
      cmocka_unit_test(only_whole_groups_are_taken),
      cmocka_unit_test(a_group_that_fails_leaves_no_row),
      cmocka_unit_test(a_group_that_comes_too_late_is_refused_whole),
      cmocka_unit_test(who_is_patient_is_told_what_became_of_it),
      cmocka_unit_test(a_stop_answers_what_is_under_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
