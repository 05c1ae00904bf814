/* audit_sqlite: rows are durable before they are acknowledged, and are found again. */
#include "audit_trail.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfs_shim.h"

#define LEASE_A "06600000000001aaaaaaaaaaaaaa"
#define LEASE_B "06600000000002bbbbbbbbbbbbbb"

/* ---- writing and reading ---- */

static void acknowledged_rows_survive(void **state) {
  (void)state;
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 2);
  struct harness_call calls[200];
  memset(calls, 0, sizeof calls);
  struct cgp_audit_row row = decision(LEASE_A, "allow", "alice", "lobby-1");
  for (int i = 0; i < 200; i++)
    cg_audit_append(harness_drivers(t.h, (uint32_t)i % 2), &row, 1, harness_answered,
                    &calls[i]);
  for (int i = 0; i < 200; i++) {
    assert_int_equal(harness_wait(t.h, &calls[i]), CGP_OK);
    assert_int_equal(calls[i].times, 1);
  }
  trail_shut(&t);
  assert_sql(t.db, "SELECT count(*) || ' ' || max(seq) FROM trail", "200 200");
  trail_open(&t, "{}", 1);
  assert_int_equal(add(&t, row), 201);
  struct cgp_audit_verdict v = ask_verdict(&t);
  assert_true(v.intact);
  assert_int_equal(v.rows, 201);
  trail_remove(&t);
}

static void a_batch_is_one_commit(void **state) {
  (void)state;
  struct shim *shim = shim_register("batch");
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{\"vfs\": \"batch\"}", 1);
  long before = shim_count(shim, SHIM_SYNC);
  static struct harness_call calls[1000];
  memset(calls, 0, sizeof calls);
  struct cgp_audit_row row = cg_row_blank("admin");
  for (int i = 0; i < 1000; i++)
    cg_audit_append(harness_drivers(t.h, 0), &row, 1, harness_answered, &calls[i]);
  for (int i = 0; i < 1000; i++) assert_int_equal(harness_wait(t.h, &calls[i]), CGP_OK);
  assert_in_range(shim_count(shim, SHIM_SYNC) - before, 1, 500);
  trail_remove(&t);
  shim_unregister(shim);
}

static void rows_link_and_times_have_one_length(void **state) {
  (void)state;
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  add_many(&t, 20);
  struct seen page = ask(&t, anything(2));
  struct seen second = ask(&t, anything(2));
  assert_string_equal(page.prev, second.hash);
  trail_shut(&t);
  assert_sql(t.db, "SELECT count(*) FROM events WHERE length(time) <> 27", "0");
  assert_sql(t.db, "SELECT count(DISTINCT id) FROM trail WHERE length(id) = 28", "20");
  trail_remove(&t);
}

static void filters_and_pages(void **state) {
  (void)state;
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  add_many(&t, 30);
  struct cgp_audit_filter f = anything(4);
  f.subject = "alice";
  int64_t expected = 2;
  for (int pages = 0; pages < 4; pages++) {
    struct seen page = ask(&t, f);
    for (size_t i = 0; i < page.n; i++, expected += 2)
      assert_int_equal(page.seqs[i], expected);
    f.after_seq = page.next;
  }
  assert_int_equal(expected, 32);
  assert_int_equal(f.after_seq, 0);
  f = anything(3);
  f.newest_first = true;
  f.camera = "gate-2";
  struct seen newest = ask(&t, f);
  assert_int_equal(newest.seqs[0], 26);
  assert_int_equal(newest.seqs[2], 16);
  f.after_seq = newest.next;
  newest = ask(&t, f);
  assert_int_equal(newest.seqs[0], 11);
  assert_int_equal(newest.next, 0);
  f = anything(1000);
  f.outcome = "deny";
  f.subject = "bob";
  f.camera = "lobby-1";
  assert_int_equal(ask(&t, f).n, 4);
  f.kind = "join";
  assert_int_equal(ask(&t, f).n, 0);
  trail_remove(&t);
}

static void filters_by_time(void **state) {
  (void)state;
  struct trail t;
  char sixth[64];
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  add_many(&t, 10);
  sql_text(t.db, "SELECT time FROM events WHERE seq = 6", sixth, sizeof sixth);
  struct cgp_audit_filter f = anything(100);
  f.since = sixth;
  assert_int_equal(ask(&t, f).seqs[0], 6);
  f.since = "";
  f.until = sixth;
  assert_int_equal(ask(&t, f).n, 5);
  f.until = "2001-01-01T00:00:00+02:00";
  assert_int_equal(ask(&t, f).n, 0);
  f.until = "yesterday";
  struct harness_call c = {0};
  cg_audit_query(harness_drivers(t.h, 0), &f, harness_answered, &c);
  assert_int_equal(harness_wait(t.h, &c), CGP_E_INVALID);
  assert_non_null(strstr(c.text, "RFC 3339"));
  trail_remove(&t);
}

/* The same answers when part of the trail, or all, is in the search tables. */
static void search_tables_agree_with_the_trail(void **state) {
  (void)state;
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  add_many(&t, 40);
  char indexed[32] = "";
  for (int i = 0; i < 100 && strcmp(indexed, "40") != 0; i++) {
    harness_run_ms(t.h, 50);
    sql_text(t.db, "SELECT value FROM meta WHERE key = 'indexed'", indexed,
             sizeof indexed);
  }
  assert_string_equal(indexed, "40");
  add_many(&t, 10);
  struct cgp_audit_filter f = anything(1000);
  f.subject = "alice";
  assert_int_equal(ask(&t, f).n, 25);
  f.camera = "gate-2";
  struct seen both = ask(&t, f);
  assert_int_equal(both.n, 5);
  f.newest_first = true;
  assert_int_equal(ask(&t, f).seqs[4], both.seqs[0]);
  assert_sql(t.db, "SELECT count(*) FROM by_hour", "1");
  trail_remove(&t);
}

static void live_leases(void **state) {
  (void)state;
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{\"longest_lease_h\": 87600}", 1);
  (void)add(&t, decision(LEASE_A, "allow", "alice", "lobby-1"));
  (void)add(&t, decision(LEASE_B, "allow", "bob", "lobby-1"));
  (void)add(&t, decision("06600000000003cccccccccccccc", "deny", "eve", "lobby-1"));
  (void)add(&t, of_lease("change", LEASE_A, "allow"));
  (void)add(&t, decision("00000000000004dddddddddddddd", "allow", "old", "lobby-1"));
  (void)add(&t, of_lease("join", LEASE_A, ""));
  struct seen live = ask_live(&t);
  assert_int_equal(live.n, 2);
  assert_int_equal(live.seqs[0], 2);
  assert_int_equal(live.seqs[1], 4);
  (void)add(&t, of_lease("end", LEASE_B, "released"));
  live = ask_live(&t);
  assert_int_equal(live.n, 1);
  assert_string_equal(live.kinds[0], "change");
  trail_remove(&t);
}

static void views_for_auditors(void **state) {
  (void)state;
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  (void)add(&t, decision(LEASE_A, "allow", "alice", "lobby-1"));
  (void)add(&t, of_lease("join", LEASE_A, ""));
  struct cgp_audit_row change = of_lease("change", LEASE_A, "allow");
  change.quality = "low";
  (void)add(&t, change);
  (void)add(&t, of_lease("leave", LEASE_A, ""));
  (void)add(&t, of_lease("end", LEASE_A, "expired"));
  (void)add(&t, decision("", "deny", "eve", "lobby-1"));
  trail_shut(&t);
  assert_sql(t.db, "SELECT count(*) FROM decisions", "2");
  assert_sql(t.db, "SELECT subject || policy_revision FROM denials", "everevision-1");
  assert_sql(t.db,
             "SELECT quality || ended_by || (granted_at < joined_at) || (joined_at < "
             "left_at) || (left_at < ended_at) FROM sessions",
             "lowexpired111");
  assert_sql(t.db,
             "SELECT count(*) FROM sessions WHERE watched_s BETWEEN 0 AND 60 AND "
             "watched_s IS NOT NULL",
             "1");
  trail_remove(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(acknowledged_rows_survive),
      cmocka_unit_test(a_batch_is_one_commit),
      cmocka_unit_test(rows_link_and_times_have_one_length),
      cmocka_unit_test(filters_and_pages),
      cmocka_unit_test(filters_by_time),
      cmocka_unit_test(search_tables_agree_with_the_trail),
      cmocka_unit_test(live_leases),
      cmocka_unit_test(views_for_auditors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
