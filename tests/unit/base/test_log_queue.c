/* What a log holds back, counts, keeps in order and drops; on a clock of the test's. */
#include <stdio.h>

#include "base/check.h"
#include "base/log_queue.h"
#include "base/mem.h"
#include "test.h"

#define SECOND INT64_C(1000000)

struct fixture {
  struct cg_log_queue *q;
  int64_t now;
  struct cg_log_taken taken;
};

static int setup(void **state) {
  static struct fixture f;
  f = (struct fixture){.q = cg_log_queue_new(), .now = 5};
  *state = &f;
  return f.q ? 0 : -1;
}

static int teardown(void **state) {
  cg_log_queue_free(((struct fixture *)*state)->q);
  return 0;
}

static enum cg_log_queued put(struct fixture *f, uint64_t kind, uint32_t most,
                              const char *text) {
  struct cg_log_line line = {kind, most, (uint32_t)strlen(text), text, false};
  return cg_log_queue_put(f->q, &line, f->now);
}

static size_t take(struct fixture *f, bool all) {
  cg_log_queue_take(f->q, f->now, 0, all, &f->taken);
  return f->taken.n;
}

static void expect(struct fixture *f, const char *text) {
  assert_int_equal(take(f, false), strlen(text));
  assert_memory_equal(f->taken.text, text, strlen(text));
  assert_int_equal(cg_log_queue_settle(f->q, &f->taken, true), 0);
}

static void a_first_line_comes_at_once(void **state) {
  struct fixture *f = *state;
  assert_int_equal(cg_log_queue_due_us(f->q, f->now), INT64_MAX);
  for (uint64_t kind = 1; kind <= CG_LOG_KINDS; kind++)
    assert_int_equal(put(f, kind, 1, "{a}\n"), CG_LOG_QUEUED);
  for (uint64_t kind = 1; kind <= CG_LOG_KINDS; kind++) expect(f, "{a}\n");
  assert_int_equal(take(f, false), 0);
  assert_int_equal(put(f, 1000, 1, "{one too many}\n"), CG_LOG_DROPPED);
  f->now += SECOND;
  assert_int_equal(put(f, 1000, 1, "{b}\n"), CG_LOG_QUEUED);
  assert_true(take(f, false) > 0 && f->taken.dropped == 1);
  assert_int_equal(cg_log_queue_settle(f->q, &f->taken, true), 0);
  expect(f, "{b}\n");
}

/* A plugin whose every line is another leaves room for the gate's own words. */
static void given_kinds_leave_some_to_others(void **state) {
  struct fixture *f = *state;
  for (uint64_t kind = 1; kind <= CG_LOG_KINDS; kind++) {
    struct cg_log_line line = {kind, 1, 4, "{a}\n", true};
    assert_int_equal(cg_log_queue_put(f->q, &line, f->now),
                     kind <= CG_LOG_KINDS_GIVEN ? CG_LOG_QUEUED : CG_LOG_DROPPED);
  }
  for (uint64_t kind = 1000; kind < 1000 + CG_LOG_KINDS - CG_LOG_KINDS_GIVEN; kind++)
    assert_int_equal(put(f, kind, 1, "{b}\n"), CG_LOG_QUEUED);
}

static void what_repeats_is_one_line_a_second(void **state) {
  struct fixture *f = *state;
  put(f, 1, 1, "{0}\n");
  expect(f, "{0}\n");
  for (int second = 0; second < 3; second++) {
    for (int i = 0; i < 100; i++) {
      assert_int_equal(put(f, 1, 1, i == 99 ? "{last}\n" : "{other}\n"), CG_LOG_HELD);
      assert_int_equal(take(f, false), 0);
      f->now += SECOND / 100 - 1;
    }
    int64_t due = cg_log_queue_due_us(f->q, f->now);
    assert_in_range(due, f->now + 1, f->now + 101);
    f->now = due;
    expect(f, "{last,\"repeated\":100}\n");
    assert_int_equal(take(f, false), 0);
  }
  assert_int_equal(put(f, 1, 1, "{once more}\n"), CG_LOG_HELD);
  assert_int_equal(take(f, false), 0);
  f->now += SECOND;
  expect(f, "{once more}\n");
  f->now += SECOND;
  assert_int_equal(cg_log_queue_due_us(f->q, f->now), INT64_MAX);
  assert_int_equal(put(f, 1, 1, "{anew}\n"), CG_LOG_QUEUED);
}

static void some_of_a_second_come_singly_then_they_are_counted(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 3; i++) assert_int_equal(put(f, 1, 3, "{a}\n"), CG_LOG_QUEUED);
  for (int i = 0; i < 2; i++) assert_int_equal(put(f, 1, 3, "{b}\n"), CG_LOG_HELD);
  for (int i = 0; i < 9; i++) assert_int_equal(put(f, 2, 0, "{c}\n"), CG_LOG_QUEUED);
  for (int i = 0; i < 3; i++) expect(f, "{a}\n");
  for (int i = 0; i < 9; i++) expect(f, "{c}\n");
  f->now += SECOND;
  expect(f, "{b,\"repeated\":2}\n");
}

static void all_that_is_held_comes_at_the_end_in_order(void **state) {
  struct fixture *f = *state;
  for (uint64_t kind = 3; kind; kind--) put(f, kind, 1, "{first}\n");
  for (int i = 0; i < 3; i++) expect(f, "{first}\n");
  put(f, 2, 1, "{x}\n");
  put(f, 3, 1, "{y}\n");
  put(f, 1, 1, "{z}\n");
  put(f, 2, 1, "{again}\n");
  assert_int_equal(take(f, false), 0);
  const char *want[] = {"{y}\n", "{z}\n", "{again,\"repeated\":2}\n"};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(take(f, true), strlen(want[i]));
    assert_memory_equal(f->taken.text, want[i], strlen(want[i]));
  }
  assert_int_equal(take(f, true), 0);
}

/* The longest line that may be held has room for its count. */
static void a_held_line_stays_within_its_bound(void **state) {
  struct fixture *f = *state;
  char text[CG_LOG_LINE_MAX - CG_LOG_REPEATED_MAX + 1];
  memset(text, 'x', sizeof text - 1);
  memcpy(text + sizeof text - 3, "}\n", 3);
  for (int i = 0; i < 3; i++) put(f, 1, 1, text);
  expect(f, text);
  f->now += SECOND;
  assert_in_range(take(f, false), sizeof text, CG_LOG_LINE_MAX);
  assert_memory_equal(f->taken.text + f->taken.n - 15, ",\"repeated\":2}\n", 15);
}

/* Of a queue that nobody reads: first lines are held, the others dropped and counted. */
static void a_full_queue_drops_and_says_so_later(void **state) {
  struct fixture *f = *state;
  static const char text[] = "{\"some line of a usual length\"}\n";
  size_t n = 0, dropped = 0;
  while (put(f, 1, 0, text) == CG_LOG_QUEUED) n++;
  assert_int_equal(n, CG_LOG_QUEUE_BYTES / (sizeof text - 1 + 4));
  for (; dropped < 10; dropped++) assert_int_equal(put(f, 1, 0, text), CG_LOG_DROPPED);
  assert_int_equal(put(f, 2, 1, "{first of its kind, and longer than the room}\n"),
                   CG_LOG_HELD);
  f->now += 2 * SECOND;
  for (size_t i = 0; i < n; i++) expect(f, text);
  assert_true(take(f, false) > 0);
  assert_int_equal(f->taken.dropped, 11);
  assert_non_null(strstr(f->taken.text, "\"count\":11}\n"));
  cg_log_queue_settle(f->q, &f->taken, true);
  expect(f, "{first of its kind, and longer than the room}\n");
  assert_int_equal(take(f, true), 0);
}

/* A queue that stays nearly full does not put off what must be said. */
static void drops_are_told_where_they_happened(void **state) {
  struct fixture *f = *state;
  static const char text[] = "{\"some line of a usual length\"}\n";
  f->now += SECOND;
  put(f, 1, 0, text);
  expect(f, text);
  size_t n;
  for (n = 0; put(f, 1, 0, text) == CG_LOG_QUEUED;) n++;
  for (size_t i = 0; i < n; i++) {
    expect(f, text);
    assert_int_equal(put(f, 1, 0, text), CG_LOG_QUEUED);
  }
  assert_true(take(f, false) > 0 && f->taken.dropped == 1);
  cg_log_queue_settle(f->q, &f->taken, true);
  for (size_t i = 0; i < n; i++) expect(f, text);
  assert_int_equal(take(f, true), 0);
}

static void a_lost_line_is_counted_and_told_once_lines_are_written(void **state) {
  struct fixture *f = *state;
  put(f, 1, 0, "{a}\n");
  take(f, false);
  assert_int_equal(cg_log_queue_settle(f->q, &f->taken, false), 1);
  f->now += 10 * SECOND;
  assert_int_equal(take(f, false), 0); /* it would be lost, too */
  assert_int_equal(take(f, true), 0);
  put(f, 1, 0, "{b}\n");
  expect(f, "{b}\n");
  assert_true(take(f, false) > 0 && f->taken.dropped == 1);
  assert_int_equal(cg_log_queue_settle(f->q, &f->taken, false), 0);
  put(f, 1, 0, "{c}\n");
  expect(f, "{c}\n");
  assert_int_equal(take(f, false), 0); /* not again within a second */
  f->now += SECOND;
  assert_true(take(f, false) > 0 && f->taken.dropped == 1);
}

static void the_ring_goes_round(void **state) {
  struct fixture *f = *state;
  char text[3000];
  memset(text, 'r', sizeof text - 1);
  for (size_t i = 0; i < 1000; i++) {
    size_t n = 1 + i * 37 % (sizeof text - 2);
    char was = text[n];
    text[n] = '\0';
    assert_int_equal(put(f, 1, 0, text), CG_LOG_QUEUED);
    expect(f, text);
    text[n] = was;
  }
}

static void no_memory_is_no_queue(void **state) {
  (void)state;
  cg_mem_fail_after(1);
  assert_null(cg_log_queue_new());
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(a_first_line_comes_at_once),
      TEST(given_kinds_leave_some_to_others),
      TEST(what_repeats_is_one_line_a_second),
      TEST(some_of_a_second_come_singly_then_they_are_counted),
      TEST(all_that_is_held_comes_at_the_end_in_order),
      TEST(a_held_line_stays_within_its_bound),
      TEST(a_full_queue_drops_and_says_so_later),
      TEST(drops_are_told_where_they_happened),
      TEST(a_lost_line_is_counted_and_told_once_lines_are_written),
      TEST(the_ring_goes_round),
      cmocka_unit_test(no_memory_is_no_queue),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
