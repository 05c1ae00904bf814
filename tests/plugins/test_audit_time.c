/* The wall clock is set under the trail: seq orders, time tells the truth. */
#include <stdio.h>
#include <string.h>

#include "audit_trail.h"
#include "base/check.h"

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)
#define START  (INT64_C(1795437000) * SECOND) /* 2026-11-23T12:30:00Z */

/* The plugin's threads ask it, too, though only while they idle. */
struct bench {
  struct trail t;
  struct cg_clock clock;
};

static int make(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  trail_paths_in_memory(&b->t);
  b->clock = cg_clock_fake(START);
  b->t.clock = &b->clock;
  trail_open(&b->t, "{}", 1);
  *state = b;
  return 0;
}

static int drop(void **state) {
  struct bench *b = *state;
  trail_remove(&b->t);
  free(b);
  return 0;
}

static void add_at(struct bench *b, int64_t wall_us, struct cgp_audit_row row) {
  b->clock.fake_wall_us = wall_us;
  add(&b->t, row);
}

static void add_after(struct bench *b, int64_t us) {
  add_at(b, b->clock.fake_wall_us + us, cg_row_blank("admin"));
}

static void a_step(struct bench *b, int64_t us) {
  char facts[64];
  struct cgp_audit_row row = cg_row_blank("clock");
  snprintf(facts, sizeof facts, "{\"step_ms\":%lld}", (long long)(us / 1000));
  row.facts = facts;
  add_at(b, b->clock.fake_wall_us + us, row);
}

static void reopen(struct bench *b) {
  trail_shut(&b->t);
  trail_open(&b->t, "{}", 1);
}

static void a_row_has_the_time_of_the_clock_whatever_was_before(void **state) {
  struct bench *b = *state;
  const int64_t walls[] = {START,        START + 400 * DAY, START,
                           START - HOUR, -5 * SECOND,       3000000 * DAY};
  for (size_t i = 0; i < CG_COUNT(walls); i++) add_at(b, walls[i], cg_row_blank("admin"));
  assert_sql(b->t.db, "SELECT group_concat(time, ' ') FROM events",
             "2026-11-23T12:30:00.000000Z 2027-12-28T12:30:00.000000Z "
             "2026-11-23T12:30:00.000000Z 2026-11-23T11:30:00.000000Z "
             "1970-01-01T00:00:00.000000Z 9999-12-31T23:59:59.999999Z");
  assert_true(ask_verdict(&b->t).intact);
  reopen(b);
  add_at(b, START, cg_row_blank("admin"));
  assert_sql(b->t.db, "SELECT time FROM events WHERE seq = 7",
             "2026-11-23T12:30:00.000000Z");
}

/* ---- queries ---- */

/* Rows between two times, as a plain reader finds them, and as the plugin does. */
static void assert_agree(struct bench *b, const char *since, const char *until,
                         bool newest_first, uint32_t limit) {
  char query[512], expected[8192], got[8192] = "";
  snprintf(query, sizeof query,
           "SELECT coalesce(group_concat(seq, ' '), '') FROM (SELECT seq FROM events "
           "WHERE ('%s' = '' OR time >= '%s') AND ('%s' = '' OR time < '%s') ORDER BY "
           "seq%s)",
           since, since, until, until, newest_first ? " DESC" : "");
  sql_text(b->t.db, query, expected, sizeof expected);
  struct cgp_audit_filter f = anything(limit);
  f.since = since;
  f.until = until;
  f.newest_first = newest_first;
  for (int pages = 0; pages == 0 || f.after_seq; pages++) {
    struct seen page = ask(&b->t, f);
    for (size_t i = 0; i < page.n; i++)
      snprintf(got + strlen(got), sizeof got - strlen(got), "%s%lld", *got ? " " : "",
               (long long)page.seqs[i]);
    f.after_seq = page.next;
  }
  assert_string_equal(got, expected);
}

static void assert_all_agree(struct bench *b) {
  static const char *const times[] = {
      "", "2025-10-19T12:30:00.000000Z", "2026-11-23T11:30:20.500000Z",
      "2026-11-23T12:30:20.000000Z", "2027-12-28T12:31:00.000000Z"};
  for (size_t i = 0; i < CG_COUNT(times); i++)
    for (size_t j = 0; j < CG_COUNT(times); j++) {
      if (j && j < i) continue;
      assert_agree(b, times[i], times[j], false, 50);
      assert_agree(b, times[i], times[j], true, 1000);
    }
}

static void since_and_until_find_every_row_wherever_it_stands(void **state) {
  struct bench *b = *state;
  const int64_t steps[] = {400 * DAY, -400 * DAY, -HOUR, HOUR, -400 * DAY, 400 * DAY};
  for (int i = 0; i < 30; i++) add_after(b, SECOND);
  for (size_t n = 0; n < CG_COUNT(steps); n++) {
    a_step(b, steps[n]);
    for (int i = 0; i < 10; i++) add_after(b, 3 * SECOND);
    for (int i = 0; i < 4; i++) add_after(b, i % 2 ? -SECOND / 2 : SECOND); /* workers */
  }
  assert_all_agree(b);
  reopen(b);
  for (int i = 0; i < 10; i++) add_after(b, SECOND);
  assert_all_agree(b);
}

/* More runs than a question looks at singly. */
static void a_clock_that_is_set_all_the_time(void **state) {
  struct bench *b = *state;
  for (int i = 0; i < 600; i++) add_after(b, i % 2 ? -10 * SECOND : 10 * SECOND + 1000);
  assert_all_agree(b);
}

/* ---- live ---- */

static const char *id_of(int64_t wall_us, char out[32]) {
  snprintf(out, 32, "%014llx00000000000000", (unsigned long long)wall_us);
  return out;
}

static void grant(struct bench *b, int64_t wall_us) {
  char id[32];
  struct cgp_audit_row row = decision(id_of(wall_us, id), "allow", "alice", "lobby-1");
  add_at(b, wall_us, row);
}

static void leases_live_whatever_the_clock_was_set_to(void **state) {
  struct bench *b = *state;
  grant(b, START - 400 * DAY); /* 1: the clock is wrong from the start */
  a_step(b, 400 * DAY);
  grant(b, START); /* 3 */
  a_step(b, 400 * DAY);
  grant(b, START + 400 * DAY); /* 5 */
  a_step(b, -400 * DAY);
  reopen(b);
  struct seen live = ask_live(&b->t);
  assert_int_equal(live.n, 6);
  for (int i = 0; i < 6; i++) {
    assert_int_equal(live.seqs[i], i + 1);
    assert_string_equal(live.kinds[i], i % 2 ? "clock" : "decision");
  }
}

static void clock_rows_before_the_oldest_lease_are_no_news(void **state) {
  struct bench *b = *state;
  a_step(b, HOUR);
  grant(b, START + HOUR);
  reopen(b);
  assert_int_equal(ask_live(&b->t).n, 1);
}

static void a_lease_that_is_older_than_any_is_over(void **state) {
  struct bench *b = *state;
  grant(b, START - 40 * DAY);
  a_step(b, HOUR);
  add_at(b, START, cg_row_blank("admin"));
  reopen(b);
  assert_int_equal(ask_live(&b->t).n, 0);
}

/* The clock was set while the gate was away. */
static void the_newest_row_tells_what_is_old(void **state) {
  struct bench *b = *state;
  grant(b, START - 400 * DAY);
  b->clock.fake_wall_us = START;
  reopen(b);
  assert_int_equal(ask_live(&b->t).n, 1);
}

static void facts_of_a_clock_row_that_are_none(void **state) {
  struct bench *b = *state;
  struct cgp_audit_row row = cg_row_blank("clock");
  static const char *const odd[] = {"", "[", "{}", "{\"step_ms\":\"x\"}", "\xff"};
  grant(b, START);
  for (size_t i = 0; i < CG_COUNT(odd); i++) {
    row.facts = odd[i];
    add_at(b, START, row);
  }
  reopen(b);
  assert_int_equal(ask_live(&b->t).n, 6);
}

/* ---- sessions ---- */

static void watch(struct bench *b, const char *kind) {
  char id[32];
  add_at(b, b->clock.fake_wall_us,
         of_lease(kind, id_of(START, id), strcmp(kind, "end") == 0 ? "released" : ""));
}

static void a_step_of_the_clock_is_not_watched(void **state) {
  struct bench *b = *state;
  grant(b, START);
  watch(b, "join");
  b->clock.fake_wall_us += 10 * SECOND;
  a_step(b, 400 * DAY);
  b->clock.fake_wall_us += 20 * SECOND;
  a_step(b, -HOUR);
  watch(b, "leave");
  a_step(b, -HOUR);
  watch(b, "end");
  assert_sql(b->t.db, "SELECT watched_s FROM sessions", "30.0");
}

/* The row of a step comes half a second behind it. */
static void a_step_whose_row_is_late_is_not_watched(void **state) {
  struct bench *b = *state;
  const int64_t steps[] = {HOUR, -HOUR, -HOUR, 400 * DAY};
  grant(b, START);
  for (size_t i = 0; i < CG_COUNT(steps); i++) {
    watch(b, i % 2 ? "leave" : "join");
    b->clock.fake_wall_us += 10 * SECOND + steps[i];
    watch(b, i % 2 ? "join" : "leave");
    b->clock.fake_wall_us += SECOND / 2 - steps[i];
    a_step(b, steps[i]);
  }
  watch(b, "end");
  assert_sql(b->t.db, "SELECT watched_s FROM sessions", "21.0");
}

/* The first join and the last leave are so by seq. */
static void sessions_tell_who_came_first_and_left_last(void **state) {
  struct bench *b = *state;
  grant(b, START);
  watch(b, "join");
  b->clock.fake_wall_us += 10 * SECOND;
  watch(b, "leave");
  a_step(b, -HOUR);
  watch(b, "join");
  b->clock.fake_wall_us += 5 * SECOND;
  watch(b, "leave");
  assert_sql(b->t.db,
             "SELECT joined_at || ' ' || left_at || ' ' || watched_s FROM sessions",
             "2026-11-23T12:30:00.000000Z 2026-11-23T11:30:15.000000Z 15.0");
}

#define TRAIL(fn) cmocka_unit_test_setup_teardown(fn, make, drop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TRAIL(a_row_has_the_time_of_the_clock_whatever_was_before),
      TRAIL(since_and_until_find_every_row_wherever_it_stands),
      TRAIL(a_clock_that_is_set_all_the_time),
      TRAIL(a_step_of_the_clock_is_not_watched),
      TRAIL(a_step_whose_row_is_late_is_not_watched),
      TRAIL(sessions_tell_who_came_first_and_left_last),
      TRAIL(leases_live_whatever_the_clock_was_set_to),
      TRAIL(clock_rows_before_the_oldest_lease_are_no_news),
      TRAIL(a_lease_that_is_older_than_any_is_over),
      TRAIL(the_newest_row_tells_what_is_old),
      TRAIL(facts_of_a_clock_row_that_are_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
