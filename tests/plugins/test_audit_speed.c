/* audit_sqlite: a gate that starts again has its leases back within a second, and rows
 * cost less in groups.
 *
 *   plugins_test_audit_speed [ROWS [WAITING]]   prints what filling, opening, asking took
 *
 * Without ROWS: 100,000, fewer under a sanitizer. */
#include "audit_trail.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
#define ROWS 20000
#elif defined __SANITIZE_THREAD__
#define ROWS 4000
#else
#define ROWS 100000
#define PLAIN_BUILD
#endif
#define WAITING 64

static int rows_wanted = ROWS, waiting = WAITING /* appends at a time */;

static int64_t us_of(clockid_t id) {
  struct timespec ts;
  (void)clock_gettime(id, &ts);
  return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_us(void) {
  return us_of(CLOCK_MONOTONIC);
}

/* An answer ends the loop's turn: nobody waits for a timer. */
static void end_turn(void *h, const void *result) {
  (void)result;
  harness_thread_done(h, 0);
}

/* What a row of the trail borrows. */
struct texts {
  char lease[64], subject[32];
};

/* A decision for a lease of its own, or the end of one. */
static struct cgp_audit_row row_of(struct texts *texts, int64_t since_us, int lease_no,
                                   bool end) {
  static const char facts[] =
      "{\"scopes\": [{\"name\": \"user:user-1\", \"limit\": 4, \"weight\": 1}], "
      "\"in_use\": {\"user:user-1\": 2}, \"room\": \"camera_lobby-1.medium\", "
      "\"ends_at\": \"2026-11-24T05:09:15.123456Z\", \"policies\": [{\"name\": "
      "\"contractors\", \"verdict\": \"allow\", \"max\": \"medium\", \"ttl_s\": 1800, "
      "\"file\": \"40-contractors.lua\", \"line\": 12}], \"time\": {\"hour\": 5}}";
  (void)snprintf(texts->lease, sizeof texts->lease, "%014llx%014x",
                 (unsigned long long)(since_us + lease_no), (unsigned)lease_no);
  (void)snprintf(texts->subject, sizeof texts->subject, "user-%d", lease_no % 200);
  struct cgp_audit_row row =
      end ? of_lease("end", texts->lease, "released")
          : decision(texts->lease, "allow", texts->subject, "lobby-1");
  row.request_id = row.decision_id = texts->lease;
  row.client_addr = "192.0.2.17";
  row.policy_revision =
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  row.facts = facts;
  return row;
}

static void append(struct trail *t, int64_t since_us, int lease_no, bool end,
                   struct harness_call *c) {
  struct texts texts;
  struct cgp_audit_row row = row_of(&texts, since_us, lease_no, end);
  *c = (struct harness_call){.copy = end_turn, .to = t->h};
  cg_audit_append(harness_drivers(t->h, 0), &row, 1, harness_answered, c);
}

/* of every `of` leases one stays live; of = 1: all do */
static void fill(struct trail *t, int of) {
  struct harness_call *calls = calloc((size_t)waiting, sizeof *calls);
  int64_t began = now_us(), since_us = us_of(CLOCK_REALTIME);
  int64_t cpu = us_of(CLOCK_PROCESS_CPUTIME_ID);
  assert_non_null(calls);
  for (int i = 0, lease = 0; i < rows_wanted; i++) {
    struct harness_call *c = &calls[i % waiting];
    if (i >= waiting) assert_int_equal(harness_wait(t->h, c), CGP_OK);
    bool end = of > 1 && i % 2 == 1 && lease % of != 0;
    append(t, since_us, end ? lease - 1 : lease, end, c);
    lease += !end;
  }
  for (int i = 0; i < waiting; i++)
    assert_int_equal(harness_wait(t->h, &calls[i]), CGP_OK);
  double s = (double)(now_us() - began) / 1e6;
  cpu = us_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  print_message("%d rows, %d waiting: %.0f rows/s, %.1f us CPU a row (all threads)\n",
                rows_wanted, waiting, rows_wanted / s, (double)cpu / rows_wanted);
  free(calls);
}

static void take_n(void *to, const void *result) {
  *(size_t *)to = ((const struct cgp_audit_rows *)result)->n;
}

static void restart(struct trail *t, size_t least) {
  size_t live = 0;
  struct harness_call c = {.copy = take_n, .to = &live};
  int64_t began = now_us();
  trail_open(t, "{}", 1);
  int64_t opened = now_us();
  cg_audit_live(harness_drivers(t->h, 0), harness_answered, &c);
  assert_int_equal(harness_wait(t->h, &c), CGP_OK);
  int64_t asked = now_us();
  print_message("open %.1f ms, %zu live leases in %.1f ms\n",
                (double)(opened - began) / 1e3, live, (double)(asked - opened) / 1e3);
  assert_true(live >= least);
}

static void restart_after(int of) {
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  fill(&t, of);
  trail_shut(&t);
  restart(&t, (size_t)rows_wanted / 2 / (size_t)of);
  int64_t began = now_us();
  assert_true(ask_verdict(&t).intact);
  print_message("verified in %.1f ms\n", (double)(now_us() - began) / 1e3);
  trail_remove(&t);
}

static void restarts_with_few_live_leases(void **state) {
  (void)state;
  restart_after(1000);
}

static void restarts_when_every_row_is_a_live_lease(void **state) {
  (void)state;
  restart_after(1);
}

/* ---- groups ---- */

static bool is_writer(const char *tid) {
  char path[64], name[32] = "";
  (void)snprintf(path, sizeof path, "/proc/self/task/%.16s/comm", tid);
  FILE *f = fopen(path, "r");
  if (!f) return false;
  bool is = fgets(name, sizeof name, f) && strcmp(name, "audit writer\n") == 0;
  (void)fclose(f);
  return is;
}

/* What the writer's thread has used of a core. */
static double writer_us(void) {
  char path[64];
  long long ns = 0;
  DIR *tasks = opendir("/proc/self/task");
  assert_non_null(tasks);
  for (struct dirent *task; (task = readdir(tasks));) {
    if (!is_writer(task->d_name)) continue;
    (void)snprintf(path, sizeof path, "/proc/self/task/%.16s/schedstat", task->d_name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lld", &ns), 1);
    assert_int_equal(fclose(f), 0);
  }
  (void)closedir(tasks);
  return (double)ns / 1e3;
}

#define GROUP CGP_AUDIT_ROWS_MAX

static void append_singly(struct trail *t, int64_t since_us, int first) {
  static struct harness_call calls[GROUP];
  for (int i = 0; i < GROUP; i++) append(t, since_us, first + i, false, &calls[i]);
  for (int i = 0; i < GROUP; i++) assert_int_equal(harness_wait(t->h, &calls[i]), CGP_OK);
}

static void append_together(struct trail *t, int64_t since_us, int first) {
  static struct texts texts[GROUP];
  static struct cgp_audit_row rows[GROUP];
  struct harness_call c = {.copy = end_turn, .to = t->h};
  for (int i = 0; i < GROUP; i++) rows[i] = row_of(&texts[i], since_us, first + i, false);
  cg_audit_append(harness_drivers(t->h, 0), rows, GROUP, harness_answered, &c);
  assert_int_equal(harness_wait(t->h, &c), CGP_OK);
}

typedef void append_fn(struct trail *t, int64_t since_us, int first);

/* In us of a core, for each row; and how often the writer committed. */
struct cost {
  double writer, all;
  int64_t commits;
};

static struct cost cost_of(append_fn *append_all, int groups) {
  struct trail t;
  int64_t since_us = us_of(CLOCK_REALTIME);
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  double writer = writer_us(), all = (double)us_of(CLOCK_PROCESS_CPUTIME_ID);
  for (int i = 0; i < groups; i++) append_all(&t, since_us, i * GROUP);
  struct cost cost = {.commits = harness_metric(t.h, "audit_commits_total", "")};
  cost.writer = (writer_us() - writer) / (groups * GROUP);
  cost.all = ((double)us_of(CLOCK_PROCESS_CPUTIME_ID) - all) / (groups * GROUP);
  trail_remove(&t);
  return cost;
}

static double less(double a, double b) {
  return a < b ? a : b;
}

static void rows_cost_less_in_groups(void **state) {
  (void)state;
  int groups = rows_wanted / 4 / GROUP + 1;
  struct cost singly = cost_of(append_singly, groups);
  struct cost together = cost_of(append_together, groups);
  for (int round = 0; round < 2; round++) {
    struct cost s = cost_of(append_singly, groups), g = cost_of(append_together, groups);
    singly = (struct cost){less(s.writer, singly.writer), less(s.all, singly.all), 0};
    together = (struct cost){less(g.writer, together.writer), less(g.all, together.all),
                             g.commits};
  }
  print_message("256 single rows at a time: %.1f us a row in the writer, %.1f in all\n"
                "groups of 256 rows: %.1f us a row in the writer, %.1f in all\n",
                singly.writer, singly.all, together.writer, together.all);
  assert_int_equal(together.commits, groups);
#ifdef PLAIN_BUILD /* a sanitizer's own work hides the rest */
  assert_true(together.all < singly.all);
#endif
}

int main(int argc, char **argv) {
  if (argc > 1) rows_wanted = (int)strtol(argv[1], NULL, 10);
  if (argc > 2) waiting = (int)strtol(argv[2], NULL, 10);
  if (waiting < 1) waiting = WAITING;
  if (rows_wanted < waiting) rows_wanted = ROWS;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(restarts_with_few_live_leases),
      cmocka_unit_test(restarts_when_every_row_is_a_live_lease),
      cmocka_unit_test(rows_cost_less_in_groups),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
