/* How a lease ends: decided once, recorded once, given back and put out, whatever the
 * plugins answer and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "lease/harness.h"

static struct harness *open_one(void) {
  struct harness *h = cg_alloc(sizeof *h);
  harness_open(h, "return allow {}");
  return h;
}

static void close_one(struct harness *h) {
  harness_close(h);
  cg_free(h);
}

static int make(void **state) {
  *state = open_one();
  return 0;
}

static int drop(void **state) {
  close_one(*state);
  return 0;
}

/* A lease of one that waits for the end's row. */
struct waiter {
  int told;
  bool recorded;
};

static void hear(void *arg, bool recorded) {
  struct waiter *w = arg;
  w->told++;
  w->recorded = recorded;
}

static struct cg_lease *one(struct harness *h) {
  return cg_lease_ref(harness_lease(h, "alice", "lobby-1"));
}

static void release(struct harness *h, struct cg_lease *l, struct waiter *w) {
  cg_lease_end(&h->service, l, CG_ENDED_RELEASED, "released by alice", hear, w);
}

static void assert_asked(struct harness *h, size_t times, const char *word,
                         const char *id) {
  char line[128];
  snprintf(line, sizeof line, "%s %s", word, id);
  assert_int_equal(stub_asked(h->stub, line), times);
}

static int64_t unrecorded(struct harness *h) {
  return cg_metric_sum(h->service.metrics, h->metric.unrecorded);
}

/* ---- everything goes well ---- */

static void a_release_is_told_once_its_row_is_durable(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  struct waiter w = {0};
  stub_next(h->stub, STUB_APPEND, HOLD, 1);
  release(h, l, &w);
  assert_int_equal(l->state, CG_LEASE_ENDED);
  harness_run(h);
  assert_int_equal(w.told, 0);
  assert_int_equal(unrecorded(h), 1);
  assert_asked(h, 1, "release", l->id);
  assert_asked(h, 1, "remove", l->id);
  assert_int_equal(cg_endings_open(h->service.endings), 1);
  stub_let_go(h->stub, STUB_APPEND);
  assert_int_equal(w.told, 1);
  assert_true(w.recorded);
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  assert_string_equal(h->stub->rows[0].outcome, "released");
  assert_string_equal(h->stub->rows[0].reason, "released by alice");
  assert_string_equal(h->stub->rows[0].facts, "{\"room\":\"camera_lobby-1\"}");
  assert_int_equal(unrecorded(h), 0);
  assert_int_equal(cg_endings_open(h->service.endings), 0);
  assert_int_equal(harness_lines(h, l->id), 1);
  cg_lease_unref(l);
}

static void ended_once(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  struct waiter first = {0}, second = {0};
  release(h, l, &first);
  cg_lease_end(&h->service, l, CG_ENDED_EXPIRED, "no heartbeat", hear, &second);
  assert_true(second.told == 1 && second.recorded);
  harness_run(h);
  assert_int_equal(first.told, 1);
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  assert_int_equal(l->ended_by, CG_ENDED_RELEASED);
  assert_asked(h, 1, "release", l->id);
  assert_asked(h, 1, "remove", l->id);
  cg_lease_unref(l);
}

static void the_row_goes_before_the_quota(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  release(h, l, &(struct waiter){0});
  harness_run(h);
  char both[160];
  snprintf(both, sizeof both, "append end released\nrelease %s\n", l->id);
  assert_non_null(strstr(h->stub->trace, both));
  cg_lease_unref(l);
}

static void a_holding_that_moved_is_not_given_back(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  l->holding_moved = true;
  cg_lease_end(&h->service, l, CG_ENDED_REPLACED, "another", NULL, NULL);
  harness_run(h);
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  assert_int_equal(stub_asked(h->stub, "release"), 0);
  cg_lease_unref(l);
}

static void it_expires_when_its_clock_says_so(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  harness_pass(h, 59 * SECOND);
  l->expires_mono_us += 30 * SECOND; /* a beat */
  harness_pass(h, 30 * SECOND);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  harness_pass(h, 2 * SECOND);
  assert_int_equal(l->ended_by, CG_ENDED_EXPIRED);
  assert_string_equal(l->ended_reason, "no heartbeat");
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  cg_lease_unref(l);
}

static void its_tombstone_stays_for_a_while(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  release(h, l, &(struct waiter){0});
  harness_pass(h, CG_TOMBSTONE_US - SECOND);
  assert_ptr_equal(cg_lease_find(h->service.leases, l->id), l);
  harness_pass(h, 2 * SECOND);
  assert_null(cg_lease_find(h->service.leases, l->id));
  cg_lease_unref(l);
}

static void an_undone_grant_leaves_a_row_and_nothing_else(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  l->state = CG_LEASE_PENDING;
  cg_record_undone(&h->service, l);
  harness_run(h);
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  assert_int_equal(stub_asked(h->stub, "release") + stub_asked(h->stub, "remove"), 0);
  cg_lease_unref(l);
}

/* ---- the trail fails ---- */

static void a_row_that_failed_is_told_and_written_later(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  struct waiter w = {0};
  stub_next(h->stub, STUB_APPEND, FAIL, 3);
  release(h, l, &w);
  harness_run(h);
  assert_true(w.told == 1 && !w.recorded);
  assert_int_equal(unrecorded(h), 1);
  assert_asked(h, 1, "release", l->id); /* the place is free all the same */
  harness_pass(h, 2 * SECOND);          /* 250 ms, 500 ms, 1 s */
  assert_int_equal(h->stub->n[STUB_APPEND], 4);
  assert_int_equal(w.told, 1);
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  assert_int_equal(unrecorded(h), 0);
  assert_int_equal(harness_lines(h, "not recorded yet"), 3);
  assert_asked(h, 1, "release", l->id);
  cg_lease_unref(l);
}

static void a_release_does_not_wait_for_a_pause(void **state) {
  struct harness *h = *state;
  struct waiter w = {0}, v = {0};
  struct cg_lease *l = one(h), *m = one(h);
  stub_next(h->stub, STUB_APPEND, FAIL, 1);
  release(h, l, &w);
  harness_run(h);
  release(h, m, &v);
  harness_run(h);
  assert_true(v.told == 1 && v.recorded);
  assert_int_equal(stub_count(h->stub, "end", l->id), 0);
  harness_pass(h, SECOND);
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  cg_lease_unref(l);
  cg_lease_unref(m);
}

static void pauses_grow_and_one_line_counts_all(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 1000; i++) harness_lease(h, "alice", "lobby-1");
  stub_next(h->stub, STUB_APPEND, FAIL, 0);
  harness_pass(h, 61 * SECOND);
  harness_pass(h, 60 * SECOND); /* 250 ms ... 8 s, 10 s ... */
  assert_in_range(harness_lines(h, "not recorded yet"), 8, 14);
  assert_in_range(harness_lines(h, "\"count\":1000"), 7, 15);
  stub_next(h->stub, STUB_APPEND, NOW, 0);
  harness_pass(h, 11 * SECOND);
  assert_int_equal(stub_count(h->stub, "end", ""), 1000);
}

/* ---- exactly once, whatever is answered, and when ---- */

enum fate { NOT_WRITTEN, WRITTEN };
enum answer { WELL, FAILED, UNREADABLE, NEVER };

/* The first append of an end is late; it may be written by then, or later, or never; it
 * may be answered before the row is told to be late, before we ask the trail, behind
 * that, or never. */
static void one_interleaving(enum fate fate, enum answer answer, int64_t write_us,
                             int64_t answer_us) {
  struct harness *h = open_one();
  struct cg_lease *l = one(h);
  struct waiter w = {0};
  stub_next(h->stub, STUB_APPEND, HOLD, 1);
  h->stub->unwell = true; /* while the disk is at work on it */
  release(h, l, &w);
  harness_run(h);
  int64_t first = write_us < answer_us ? write_us : answer_us;
  harness_pass(h, first + 1);
  if (fate == WRITTEN) stub_write(h->stub);
  if (fate == WRITTEN && answer == NEVER) h->stub->unwell = false;
  harness_pass(h, answer_us - first + 1);
  if (answer == WELL) stub_let_go(h->stub, STUB_APPEND);
  if (answer == FAILED) stub_let_fail(h->stub, STUB_APPEND, CGP_E_UNAVAILABLE);
  if (answer == UNREADABLE) stub_let_fail(h->stub, STUB_APPEND, CGP_E_INTERNAL);
  h->stub->unwell = false;
  harness_pass(h, 30 * SECOND);
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  assert_int_equal(w.told, 1);
  assert_int_equal(unrecorded(h), 0);
  assert_int_equal(w.recorded, answer == WELL && answer_us < SECOND);
  cg_lease_unref(l);
  close_one(h);
}

static void exactly_one_row_under_every_interleaving(void **state) {
  static const int64_t when[] = {0, 500000, 1200000, 5500000, 6100000, 13000000};
  static const struct {
    enum fate fate;
    enum answer answer;
  } cases[] = {{WRITTEN, WELL},       {WRITTEN, UNREADABLE},     {WRITTEN, NEVER},
               {NOT_WRITTEN, FAILED}, {NOT_WRITTEN, UNREADABLE}, {NOT_WRITTEN, NEVER}};
  (void)state;
  for (size_t c = 0; c < CG_COUNT(cases); c++)
    for (size_t i = 0; i < CG_COUNT(when); i++)
      for (size_t j = i; j < CG_COUNT(when); j++)
        one_interleaving(cases[c].fate, cases[c].answer, when[i], when[j]);
}

/* The answer comes while the trail is being asked; what the question saw is too old. */
static void an_answer_in_the_midst_of_the_question(void **state) {
  static const enum cgp_code codes[] = {CGP_OK, CGP_E_UNAVAILABLE, CGP_E_INTERNAL};
  (void)state;
  for (size_t c = 0; c < CG_COUNT(codes); c++) {
    for (int written = 0; written < 2; written++) {
      struct harness *h = open_one();
      struct cg_lease *l = one(h);
      stub_next(h->stub, STUB_APPEND, HOLD, 1);
      stub_next(h->stub, STUB_QUERY, HOLD, 1);
      release(h, l, &(struct waiter){0});
      harness_pass(h, 6 * SECOND + SECOND / 10);
      assert_int_equal(stub_holds(h->stub, STUB_QUERY), 1);
      if (written && codes[c] == CGP_E_INTERNAL) stub_write(h->stub);
      stub_let_fail(h->stub, STUB_APPEND, codes[c]);
      stub_let_go(h->stub, STUB_QUERY);
      harness_pass(h, 20 * SECOND);
      assert_int_equal(stub_count(h->stub, "end", l->id), 1);
      assert_int_equal(unrecorded(h), 0);
      cg_lease_unref(l);
      close_one(h);
    }
  }
}

/* Nobody knows, as long as the trail does not say that it is well. */
static void a_hanging_trail_is_waited_for(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  struct waiter w = {0};
  h->stub->unwell = true;
  stub_next(h->stub, STUB_APPEND, HOLD, 1);
  release(h, l, &w);
  harness_pass(h, SECOND + SECOND / 10);
  assert_true(w.told == 1 && !w.recorded);
  harness_pass(h, 600 * SECOND);
  assert_int_equal(h->stub->n[STUB_APPEND], 1);
  assert_int_equal(h->stub->n[STUB_QUERY], 0);
  stub_let_go(h->stub, STUB_APPEND);
  harness_run(h);
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  assert_int_equal(harness_lines(h, "not recorded yet"), 1);
  cg_lease_unref(l);
}

static void a_question_that_fails_is_asked_again(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = one(h);
  stub_next(h->stub, STUB_APPEND, WRONG, 1);
  stub_next(h->stub, STUB_QUERY, FAIL, 2);
  release(h, l, &(struct waiter){0});
  harness_pass(h, 11 * SECOND);
  assert_int_equal(h->stub->n[STUB_QUERY], 3);
  assert_int_equal(h->stub->n[STUB_APPEND], 1);
  assert_int_equal(stub_count(h->stub, "end", l->id), 1);
  assert_int_equal(unrecorded(h), 0);
  cg_lease_unref(l);
}

/* ---- many at once ---- */

static int by_lease(const void *a, const void *b) {
  return strcmp(((const struct stub_row *)a)->lease_id,
                ((const struct stub_row *)b)->lease_id);
}

static void many_end_in_groups_and_few_lines(void **state) {
  enum { MANY = 20000 };
  struct harness *h = *state;
  for (int i = 0; i < MANY; i++) harness_lease(h, "alice", "lobby-1");
  harness_pass(h, 62 * SECOND);
  assert_int_equal(stub_count(h->stub, "end", ""), MANY);
  qsort(h->stub->rows, MANY, sizeof *h->stub->rows, by_lease);
  for (size_t i = 1; i < MANY; i++) /* each its own */
    assert_true(by_lease(&h->stub->rows[i - 1], &h->stub->rows[i]) < 0);
  assert_true(h->stub->n[STUB_APPEND] < MANY / 100);
  assert_true(h->stub->n[STUB_RELEASE] < MANY / 100);
  assert_int_equal(h->stub->n[STUB_REMOVE], MANY);
  assert_true(harness_lines(h, "ended") < 10);
  assert_int_equal(cg_leases_in_all(h->service.leases), CG_TOMBSTONES);
  assert_int_equal(unrecorded(h), 0);
}

static void no_more_than_so_many_rows_are_under_way(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 5000; i++) harness_lease(h, "alice", "lobby-1");
  stub_next(h->stub, STUB_APPEND, HOLD, 0);
  harness_pass(h, 60 * SECOND + 50000);
  assert_int_equal(stub_holds(h->stub, STUB_APPEND), 16);
  struct cg_lease *l = one(h);
  struct waiter w = {0};
  release(h, l, &w); /* goes first all the same */
  harness_run(h);
  assert_int_equal(stub_holds(h->stub, STUB_APPEND), 17);
  stub_next(h->stub, STUB_APPEND, NOW, 0);
  while (stub_holds(h->stub, STUB_APPEND)) stub_let_go(h->stub, STUB_APPEND);
  assert_true(w.told == 1 && w.recorded);
  harness_run(h);
  assert_int_equal(stub_count(h->stub, "end", ""), 5001);
  cg_lease_unref(l);
}

/* The disk hangs for minutes: what is under way stays bounded, and releases are told. */
static void a_trail_that_hangs_gets_no_more_than_so_much(void **state) {
  enum { MANY = 12000 };
  struct harness *h = *state;
  for (int i = 0; i < MANY; i++) harness_lease(h, "alice", "lobby-1");
  h->stub->unwell = true;
  stub_next(h->stub, STUB_APPEND, HOLD, 0);
  harness_pass(h, 400 * SECOND);
  size_t under_way = stub_holds(h->stub, STUB_APPEND);
  assert_in_range(under_way, 16, 80);
  struct cg_lease *l = one(h);
  struct waiter w = {0};
  release(h, l, &w);
  harness_pass(h, 2 * SECOND);
  assert_true(w.told == 1 && !w.recorded);
  assert_true(stub_holds(h->stub, STUB_APPEND) <= under_way + 1);
  h->stub->unwell = false;
  stub_next(h->stub, STUB_APPEND, NOW, 0);
  while (stub_holds(h->stub, STUB_APPEND)) stub_let_go(h->stub, STUB_APPEND);
  harness_pass(h, 11 * SECOND);
  assert_int_equal(stub_count(h->stub, "end", ""), MANY + 1);
  assert_int_equal(unrecorded(h), 0);
  cg_lease_unref(l);
}

static void the_log_tells_of_single_ends_again(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 10; i++) harness_lease(h, "alice", "lobby-1");
  harness_pass(h, 63 * SECOND);
  assert_int_equal(harness_lines(h, "\"lease ended\""), 4);
  assert_int_equal(harness_lines(h, "\"count\":6,\"by\":\"expired\""), 1);
  struct cg_lease *l = one(h);
  release(h, l, &(struct waiter){0});
  assert_int_equal(harness_lines(h, l->id), 1);
  cg_lease_unref(l);
}

/* ---- a worker that stops ---- */

static void what_is_open_is_forgotten_when_the_worker_stops(void **state) {
  (void)state;
  struct harness *h = open_one();
  for (int i = 0; i < 3000; i++) harness_lease(h, "alice", "lobby-1");
  stub_next(h->stub, STUB_APPEND, HOLD, 0);
  stub_next(h->stub, STUB_REMOVE, HOLD, 0);
  stub_next(h->stub, STUB_RELEASE, HOLD, 0);
  harness_pass(h, 61 * SECOND);
  assert_true(cg_endings_open(h->service.endings) >= 3000);
  close_one(h);
}

int main(void) {
#define END(test) cmocka_unit_test_setup_teardown(test, make, drop)
  const struct CMUnitTest tests[] = {
      END(a_release_is_told_once_its_row_is_durable),
      END(ended_once),
      END(the_row_goes_before_the_quota),
      END(a_holding_that_moved_is_not_given_back),
      END(it_expires_when_its_clock_says_so),
      END(its_tombstone_stays_for_a_while),
      END(an_undone_grant_leaves_a_row_and_nothing_else),
      END(a_row_that_failed_is_told_and_written_later),
      END(a_release_does_not_wait_for_a_pause),
      END(pauses_grow_and_one_line_counts_all),
      cmocka_unit_test(exactly_one_row_under_every_interleaving),
      cmocka_unit_test(an_answer_in_the_midst_of_the_question),
      END(a_hanging_trail_is_waited_for),
      END(a_question_that_fails_is_asked_again),
      END(many_end_in_groups_and_few_lines),
      END(no_more_than_so_many_rows_are_under_way),
      END(a_trail_that_hangs_gets_no_more_than_so_much),
      END(the_log_tells_of_single_ends_again),
      cmocka_unit_test(what_is_open_is_forgotten_when_the_worker_stops),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
