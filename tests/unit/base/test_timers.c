/* Timers on a fake clock: order, moving, stopping, and what one may do when it rings. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "test.h"

#define MANY 3000

/* A loop on a clock that stands until a test moves it, and what rang there. */
struct bench {
  struct cg_clock clock;
  struct cg_loop *loop;
  struct bell *bells;
  int rung;
};

struct bell {
  struct bench *b;
  struct cg_timer timer;
  int64_t due_us; /* -1: not set */
  int order;      /* of setting */
  int rung_as;    /* -1: not yet */
};

static void open_bench(struct bench *b, size_t n) {
  *b = (struct bench){.clock = cg_clock_fake(0)};
  b->loop = cg_loop_new_on(&b->clock, NULL);
  b->bells = cg_alloc(n * sizeof *b->bells);
  for (size_t i = 0; i < n; i++)
    b->bells[i] = (struct bell){.b = b, .due_us = -1, .rung_as = -1};
}

static void close_bench(struct bench *b) {
  cg_loop_free(b->loop);
  cg_free(b->bells);
}

static void ring(void *arg) {
  struct bell *bell = arg;
  assert_true(bell->due_us >= 0 && bell->due_us <= bell->b->clock.fake_mono_us);
  bell->due_us = -1;
  bell->rung_as = bell->b->rung++;
}

static void set(struct bell *bell, int64_t us, int order) {
  bell->due_us = bell->b->clock.fake_mono_us + us;
  bell->order = order;
  cg_timer_start(&bell->timer, bell->b->loop, us, ring, bell);
}

static void stop(struct bell *bell) {
  bell->due_us = -1;
  cg_timer_stop(&bell->timer);
}

static void go_on(struct bench *b, int64_t us) {
  b->clock.fake_mono_us += us;
  cg_loop_turn(b->loop);
}

static void a_timer_waits_for_its_clock(void **state) {
  (void)state;
  struct bench b;
  open_bench(&b, 1);
  set(&b.bells[0], 1000, 0);
  go_on(&b, 999);
  assert_int_equal(b.rung, 0);
  go_on(&b, 1);
  assert_int_equal(b.rung, 1);
  go_on(&b, 100000);
  assert_int_equal(b.rung, 1);
  close_bench(&b);
}

static void at_one_instant_they_ring_in_order_of_setting(void **state) {
  (void)state;
  struct bench b;
  open_bench(&b, 100);
  for (int i = 0; i < 100; i++) set(&b.bells[i], 500, i);
  set(&b.bells[7], 500, 100); /* again: behind all */
  go_on(&b, 500);
  for (int i = 0; i < 100; i++)
    assert_int_equal(b.bells[i].rung_as, i < 7 ? i : i == 7 ? 99 : i - 1);
  close_bench(&b);
}

static int by_due(const void *a, const void *b) {
  const struct bell *const *x = a, *const *y = b;
  if ((*x)->due_us != (*y)->due_us) return (*x)->due_us < (*y)->due_us ? -1 : 1;
  return (*x)->order - (*y)->order;
}

/* Set, moved and stopped at random, against what sorting says. */
static void many_ring_in_order_however_they_were_moved(void **state) {
  (void)state;
  static struct bell *expected[MANY];
  struct bench b;
  open_bench(&b, MANY);
  unsigned seed = 1;
  for (int i = 0; i < 10 * MANY; i++) {
    struct bell *bell = &b.bells[rand_r(&seed) % MANY];
    if (rand_r(&seed) % 4 == 0)
      stop(bell);
    else
      set(bell, rand_r(&seed) % 1000, i);
  }
  size_t n = 0;
  for (size_t i = 0; i < MANY; i++)
    if (b.bells[i].due_us >= 0) expected[n++] = &b.bells[i];
  qsort(expected, n, sizeof *expected, by_due);
  for (int i = 0; i < 10; i++) go_on(&b, 100);
  assert_int_equal(b.rung, n);
  for (size_t i = 0; i < n; i++) assert_int_equal(expected[i]->rung_as, i);
  close_bench(&b);
}

/* ---- what a timer may do when it rings ---- */

static void stop_the_next_and_move_the_last(void *arg) {
  struct bell *bell = arg;
  stop(bell + 1);
  set(bell + 2, 1000, 3);
  ring(bell);
}

static void one_that_rings_stops_and_moves_others(void **state) {
  (void)state;
  struct bench b;
  open_bench(&b, 3);
  for (int i = 0; i < 3; i++) set(&b.bells[i], 10, i);
  b.bells[0].timer.fn = stop_the_next_and_move_the_last;
  go_on(&b, 10);
  assert_int_equal(b.rung, 1);
  go_on(&b, 1000);
  assert_int_equal(b.rung, 2);
  assert_int_equal(b.bells[1].rung_as, -1);
  assert_int_equal(b.bells[2].rung_as, 1);
  close_bench(&b);
}

static void again_at_once(void *arg) {
  struct bell *bell = arg;
  bell->rung_as++;
  cg_timer_start(&bell->timer, bell->b->loop, 0, again_at_once, bell);
}

static void one_started_by_itself_rings_once_a_turn(void **state) {
  (void)state;
  struct bench b;
  open_bench(&b, 1);
  cg_timer_start(&b.bells[0].timer, b.loop, 0, again_at_once, &b.bells[0]);
  for (int i = 0; i < 5; i++) {
    cg_loop_turn(b.loop);
    assert_int_equal(b.bells[0].rung_as, i);
  }
  cg_timer_stop(&b.bells[0].timer);
  cg_timer_stop(&b.bells[0].timer);
  cg_loop_turn(b.loop);
  assert_int_equal(b.bells[0].rung_as, 4);
  close_bench(&b);
}

static void free_itself(void *arg) {
  cg_free(arg);
}

static void one_may_free_what_it_lies_in(void **state) {
  (void)state;
  struct bench b;
  open_bench(&b, 0);
  struct cg_timer *t = cg_alloc(sizeof *t);
  cg_timer_start(t, b.loop, 0, free_itself, t);
  cg_loop_turn(b.loop);
  close_bench(&b);
}

static void a_loop_that_goes_leaves_its_timers_unset(void **state) {
  (void)state;
  struct cg_timer t = {0};
  struct cg_loop *loop = cg_loop_new(NULL);
  cg_timer_start(&t, loop, 1000, free_itself, NULL);
  cg_loop_free(loop);
  cg_timer_stop(&t);
}

static void starting_needs_no_memory(void **state) {
  (void)state;
  struct bench b;
  open_bench(&b, MANY);
  cg_mem_fail_from(1, UINT64_MAX - 1);
  for (int i = 0; i < MANY; i++) set(&b.bells[i], MANY - i, i);
  go_on(&b, MANY);
  cg_mem_fail_after(0);
  assert_int_equal(b.rung, MANY);
  close_bench(&b);
}

/* ---- on the real clock ---- */

struct shift {
  struct cg_loop *loop;
  struct cg_timer timers[100];
  int done, done_at_mail;
  struct cg_mail mail;
};

static void note(void *arg) {
  struct shift *s = arg;
  s->done_at_mail = s->done;
}

static void work_1ms(void *arg) {
  struct shift *s = arg;
  int64_t end = cg_clock_system.mono_us(&cg_clock_system) + 1000;
  while (cg_clock_system.mono_us(&cg_clock_system) < end) {
  }
  if (s->done++ == 0) cg_loop_send(s->loop, &s->mail, note, s);
  if (s->done == 100) cg_loop_stop(s->loop);
}

static void many_due_at_once_leave_the_loop_its_turns(void **state) {
  (void)state;
  struct shift s = {.loop = cg_loop_new(NULL)};
  for (int i = 0; i < 100; i++) cg_timer_start(&s.timers[i], s.loop, 0, work_1ms, &s);
  cg_loop_run(s.loop);
  assert_int_equal(s.done, 100);
  assert_in_range(s.done_at_mail, 1, 20);
  cg_loop_free(s.loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_timer_waits_for_its_clock),
      cmocka_unit_test(at_one_instant_they_ring_in_order_of_setting),
      cmocka_unit_test(many_ring_in_order_however_they_were_moved),
      cmocka_unit_test(one_that_rings_stops_and_moves_others),
      cmocka_unit_test(one_started_by_itself_rings_once_a_turn),
      cmocka_unit_test(one_may_free_what_it_lies_in),
      cmocka_unit_test(a_loop_that_goes_leaves_its_timers_unset),
      cmocka_unit_test(starting_needs_no_memory),
      cmocka_unit_test(many_due_at_once_leave_the_loop_its_turns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
