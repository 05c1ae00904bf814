/* audit_sqlite: whatever happens to the files from outside, no row is acknowledged that
 * is not there, and the trail goes on by itself when the right file is back. */
#include "audit_trail.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfs_shim.h"

#define BEFORE 5 /* rows in the trail when it happens */

struct scene {
  struct trail t;
  char log[128], away[128], copy[128];
};

static void set_scene(struct scene *s) {
  trail_paths(&s->t);
  (void)snprintf(s->log, sizeof s->log, "%s-wal", s->t.db);
  (void)snprintf(s->away, sizeof s->away, "%s.away", s->t.db);
  (void)snprintf(s->copy, sizeof s->copy, "%s.copy", s->t.db);
  trail_open(&s->t, "{}", 1);
  add_many(&s->t, BEFORE);
}

static void copy_file(const char *from, const char *to) {
  char data[65536];
  FILE *in = fopen(from, "rb"), *out = fopen(to, "r+b");
  if (!out) out = fopen(to, "wb"); /* else: into the same file, not a new one */
  assert_non_null(in);
  assert_non_null(out);
  for (size_t n; (n = fread(data, 1, sizeof data, in)) > 0;)
    assert_int_equal(fwrite(data, 1, n, out), n);
  assert_int_equal(fclose(in) + fclose(out), 0);
}

/* Refused in words now, red, and still so after attempts to open it anew. */
static void stays_refused(struct scene *s, const char *because) {
  char words[256];
  assert_int_equal(try_add(&s->t, words, sizeof words), CGP_E_UNAVAILABLE);
  assert_non_null(strstr(words, "audit.db"));
  assert_false(harness_health(s->t.h, 0, NULL, 0));
  harness_run_ms(s->t.h, 600);
  assert_int_equal(try_add(&s->t, words, sizeof words), CGP_E_UNAVAILABLE);
  if (!strstr(words, because)) fail_msg("%s", words);
}

static void goes_on(struct scene *s) {
  until_writable(&s->t);
  assert_true(harness_health(s->t.h, 0, NULL, 0));
  struct cgp_audit_verdict v = ask_verdict(&s->t);
  assert_true(v.intact);
  assert_int_equal(v.rows, BEFORE + 1);
  (void)unlink(s->copy);
  trail_remove(&s->t);
}

static void moved_away(void **state) {
  (void)state;
  struct scene s;
  set_scene(&s);
  assert_int_equal(rename(s.t.db, s.away), 0);
  stays_refused(&s, "No such file");
  assert_int_equal(rename(s.away, s.t.db), 0);
  goes_on(&s);
}

static void deleted(void **state) {
  (void)state;
  struct scene s;
  set_scene(&s);
  copy_file(s.t.db, s.copy);
  assert_int_equal(unlink(s.t.db), 0);
  stays_refused(&s, "No such file");
  copy_file(s.copy, s.t.db); /* the log is still there: no row is missing */
  goes_on(&s);
}

static void emptied(void **state) {
  (void)state;
  struct scene s;
  set_scene(&s);
  copy_file(s.t.db, s.copy);
  assert_int_equal(truncate(s.t.db, 0), 0);
  assert_int_equal(try_add(&s.t, NULL, 0), CGP_E_UNAVAILABLE);
  copy_file(s.copy, s.t.db);
  goes_on(&s);
}

static void cut(void **state) {
  (void)state;
  struct scene s;
  set_scene(&s);
  trail_shut(&s.t); /* the rows are in the file itself */
  trail_open(&s.t, "{}", 1);
  copy_file(s.t.db, s.copy);
  assert_int_equal(truncate(s.t.db, 8192), 0);
  stays_refused(&s, "audit.db");
  copy_file(s.copy, s.t.db);
  goes_on(&s);
}

static void the_log_deleted(void **state) {
  (void)state;
  struct scene s;
  set_scene(&s);
  copy_file(s.log, s.copy);
  assert_int_equal(unlink(s.log), 0);
  stays_refused(&s, "audit.db");
  (void)unlink(s.log);
  copy_file(s.copy, s.log);
  goes_on(&s);
}

static void the_log_cut(void **state) {
  (void)state;
  struct scene s;
  set_scene(&s);
  copy_file(s.log, s.copy);
  assert_int_equal(truncate(s.log, 0), 0);
  stays_refused(&s, "audit.db");
  copy_file(s.copy, s.log);
  goes_on(&s);
}

/* Another trail at the path, whole in itself, is not this one. */
static void replaced_by_another_trail(void **state) {
  (void)state;
  struct scene s;
  struct trail other;
  set_scene(&s);
  trail_paths(&other);
  trail_open(&other, "{}", 1);
  add_many(&other, BEFORE);
  trail_shut(&other);
  assert_int_equal(rename(s.t.db, s.away), 0);
  assert_int_equal(rename(s.log, s.copy), 0);
  copy_file(other.db, s.t.db);
  trail_remove(&other);
  stays_refused(&s, "is not the one that was acknowledged");
  (void)unlink(s.log);
  assert_int_equal(rename(s.away, s.t.db), 0);
  assert_int_equal(rename(s.copy, s.log), 0);
  goes_on(&s);
}

/* The right trail as it was some rows ago. */
static void replaced_by_an_older_copy(void **state) {
  (void)state;
  struct scene s;
  set_scene(&s);
  trail_shut(&s.t);
  copy_file(s.t.db, s.copy);
  trail_open(&s.t, "{}", 1);
  add_many(&s.t, 1);
  assert_int_equal(rename(s.t.db, s.away), 0);
  copy_file(s.copy, s.t.db);
  assert_int_equal(unlink(s.copy), 0);
  assert_int_equal(rename(s.log, s.copy), 0);
  stays_refused(&s, "row 6 was acknowledged");
  (void)unlink(s.log);
  assert_int_equal(rename(s.away, s.t.db), 0);
  assert_int_equal(rename(s.copy, s.log), 0);
  until_writable(&s.t);
  assert_int_equal(ask_verdict(&s.t).rows, BEFORE + 2);
  trail_remove(&s.t);
}

/* Read-only for this process: only the next open shows it, as after an error. */
static void read_only(void **state) {
  (void)state;
  struct shim *shim = shim_register("once");
  struct scene s;
  set_scene(&s);
  trail_shut(&s.t);
  trail_open(&s.t, "{\"vfs\": \"once\"}", 1);
  assert_int_equal(chmod(s.t.dir, 0755) + chmod(s.t.db, 0444) + chmod(s.log, 0444), 0);
  bool root = geteuid() == 0;
  if (root) assert_int_equal(seteuid(65534), 0);
  shim_fail(shim, SHIM_WRITE, 1, false, SQLITE_FULL);
  stays_refused(&s, "audit.db");
  if (root) assert_int_equal(seteuid(0), 0);
  assert_int_equal(chmod(s.t.db, 0600) + chmod(s.log, 0600), 0);
  goes_on(&s);
  shim_unregister(shim);
}

static sqlite3 *second_process(const struct trail *t, const char *does) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open_v2(t->db, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
  if (sqlite3_exec(db, does, NULL, NULL, NULL) != SQLITE_OK)
    fail_msg("%s", sqlite3_errmsg(db));
  return db;
}

static void written_to_by_another(void **state) {
  (void)state;
  struct scene s;
  set_scene(&s);
  sqlite3 *other = second_process(&s.t, "BEGIN IMMEDIATE");
  stays_refused(&s, "locked");
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  goes_on(&s);
}

/* A row from elsewhere behind the end is no row of the trail: out with it, and said. */
static void continued_by_another(void **state) {
  (void)state;
  struct scene s;
  set_scene(&s);
  sqlite3 *other = second_process(
      &s.t, "INSERT INTO events SELECT seq + 1, time, kind, lease_id, 'mallory', camera, "
            "quality_requested, quality, outcome, reason, rule, revision, request_id, "
            "decision_id, id, node, client_addr, facts, hash FROM events WHERE seq = 5");
  assert_int_equal(try_add(&s.t, NULL, 0), CGP_E_UNAVAILABLE);
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  until_writable(&s.t);
  assert_non_null(strstr(harness_logged(s.t.h), "1 rows behind its end taken out"));
  assert_true(ask_verdict(&s.t).intact);
  assert_sql(s.t.db, "SELECT count(*) FROM trail WHERE subject = 'mallory'", "0");
  trail_remove(&s.t);
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
  struct cgp_audit_row row = cg_row_blank("admin");
  int64_t durable = 0, busy = 0;
  for (int i = 0; i < 500; i++)
    cg_audit_append(harness_drivers(t.h, 0), &row, 1, harness_answered, &calls[i]);
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

/* The head is kept where a cut tail shows. */
static void a_cut_trail_is_not_continued(void **state) {
  (void)state;
  struct trail t;
  struct cg_err err;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  add_many(&t, 10);
  trail_shut(&t);
  sql(t.db, "DELETE FROM events WHERE seq > 7");
  assert_null(trail_try(&t, "{}", 1, &err));
  assert_non_null(strstr(err.text, "row 10 was acknowledged"));
  assert_int_equal(unlink(t.db), 0);
  assert_null(trail_try(&t, "{}", 1, &err));
  assert_non_null(strstr(err.text, "is gone"));
  trail_remove(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(moved_away),
      cmocka_unit_test(deleted),
      cmocka_unit_test(emptied),
      cmocka_unit_test(cut),
      cmocka_unit_test(the_log_deleted),
      cmocka_unit_test(the_log_cut),
      cmocka_unit_test(replaced_by_another_trail),
      cmocka_unit_test(replaced_by_an_older_copy),
      cmocka_unit_test(read_only),
      cmocka_unit_test(written_to_by_another),
      cmocka_unit_test(continued_by_another),
      cmocka_unit_test(one_writer_and_many_readers),
      cmocka_unit_test(a_full_queue_says_so),
      cmocka_unit_test(a_cut_trail_is_not_continued),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
