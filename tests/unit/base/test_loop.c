/* Loops, their mail within and across threads, and the life of a timer. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "test.h"

#define SENDERS 4
#define EACH    5000

struct sender {
  struct cg_loop *loop;
  pthread_t thread;
  int next; /* what the loop expects of this one */
  int total;
};

struct parcel {
  struct cg_mail mail;
  struct sender *from;
  int n;
};

static atomic_int arrived;

static void receive(void *arg) {
  struct parcel *p = arg;
  CG_CHECK(cg_loop_is_mine(p->from->loop));
  CG_CHECK(p->n == p->from->next++);
  if (atomic_fetch_add(&arrived, 1) + 1 == SENDERS * EACH) cg_loop_stop(p->from->loop);
  cg_free(p);
}

static void *send_all(void *arg) {
  struct sender *s = arg;
  CG_CHECK(!cg_loop_is_mine(s->loop));
  for (int i = 0; i < EACH; i++) {
    struct parcel *p = cg_alloc(sizeof *p);
    *p = (struct parcel){.from = s, .n = i};
    cg_loop_send(s->loop, &p->mail, receive, p);
  }
  return NULL;
}

static void mail_of_each_thread_arrives_in_order(void **state) {
  (void)state;
  struct cg_loop *loop = cg_loop_new(NULL);
  struct sender senders[SENDERS];
  atomic_store(&arrived, 0);
  for (int i = 0; i < SENDERS; i++) {
    senders[i] = (struct sender){.loop = loop};
    assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
  }
  cg_loop_run(loop);
  for (int i = 0; i < SENDERS; i++) {
    pthread_join(senders[i].thread, NULL);
    assert_int_equal(senders[i].next, EACH);
  }
  assert_int_equal(atomic_load(&arrived), SENDERS * EACH);
  cg_loop_free(loop);
}

/* Two loops on two threads that answer each other. */
struct player {
  struct cg_mail mail;
  struct cg_loop *loop;
  struct player *other;
  int left;
};

static void hit(void *arg) {
  struct player *p = arg;
  if (!p->left--) {
    cg_loop_stop(p->loop);
    cg_loop_stop(p->other->loop);
    return;
  }
  cg_loop_send(p->other->loop, &p->mail, hit, p->other);
}

static void *run(void *arg) {
  cg_loop_run(arg);
  return NULL;
}

static void loops_talk_to_each_other(void **state) {
  (void)state;
  struct player a = {.loop = cg_loop_new(NULL), .left = 1000}, b = a;
  b.loop = cg_loop_new(NULL);
  a.other = &b;
  b.other = &a;
  pthread_t thread;
  cg_loop_send(a.loop, &b.mail, hit, &a);
  assert_int_equal(pthread_create(&thread, NULL, run, b.loop), 0);
  cg_loop_run(a.loop);
  pthread_join(thread, NULL);
  assert_int_equal(a.left, -1);
  cg_loop_free(a.loop);
  cg_loop_free(b.loop);
}

static void count(void *arg) {
  ++*(int *)arg;
}

static void a_stop_before_the_run_holds_and_loses_nothing(void **state) {
  (void)state;
  int n = 0;
  struct cg_loop *loop = cg_loop_new(NULL);
  struct cg_mail mail = {0};
  cg_loop_stop(loop);
  cg_loop_send(loop, &mail, count, &n);
  cg_loop_run(loop);
  assert_int_equal(n, 1);
  cg_loop_send(loop, &mail, count, &n); /* too late to be run by a run */
  cg_loop_free(loop);
  assert_int_equal(n, 2);
}

struct again {
  struct cg_mail mail;
  struct cg_loop *loop;
  int left;
};

static void again(void *arg) {
  struct again *a = arg;
  if (!a->left)
    cg_loop_stop(a->loop);
  else if (a->left--)
    cg_loop_send(a->loop, &a->mail, again, a);
}

static void messages_may_send_and_the_loop_may_run_twice(void **state) {
  (void)state;
  struct again a = {.loop = cg_loop_new(NULL)};
  for (int round = 0; round < 2; round++) {
    a.left = 500;
    cg_loop_send(a.loop, &a.mail, again, &a);
    cg_loop_run(a.loop);
    assert_int_equal(a.left, 0);
  }
  cg_loop_free(a.loop);
}

static void no_memory_is_said(void **state) {
  (void)state;
  struct cg_err err = {0};
  cg_mem_fail_after(1);
  assert_null(cg_loop_new(&err));
  assert_int_equal(err.code, CG_E_MEMORY);
  cg_loop_free(NULL);
}

struct ring {
  struct cg_loop *loop;
  struct cg_timer timer;
  int rung, more;
};

static void ring(void *arg) {
  struct ring *r = arg;
  r->rung++;
  if (!r->more--)
    cg_loop_stop(r->loop);
  else
    cg_timer_start(&r->timer, r->loop, 0, ring, r);
}

static void a_timer_rings_once_per_start(void **state) {
  (void)state;
  struct ring r = {.loop = cg_loop_new(NULL), .more = 3};
  cg_timer_start(&r.timer, r.loop, -5, ring, &r);
  cg_loop_run(r.loop);
  assert_int_equal(r.rung, 4);
  cg_timer_stop(&r.timer);
  cg_loop_free(r.loop);
}

static void never(void *arg) {
  (void)arg;
  fail();
}

static void stop_itself(void *arg) {
  struct ring *r = arg;
  r->rung++;
  cg_timer_stop(&r->timer);
  cg_loop_stop(r->loop);
}

static void a_timer_moves_stops_and_frees_itself(void **state) {
  (void)state;
  struct ring r = {.loop = cg_loop_new(NULL)};
  struct cg_timer stopped = {0};
  cg_timer_start(&stopped, r.loop, 0, never, NULL);
  cg_timer_stop(&stopped);
  cg_timer_start(&r.timer, r.loop, INT64_C(3600000000), never, NULL);
  cg_timer_start(&r.timer, r.loop, 1000, stop_itself, &r);
  cg_loop_run(r.loop);
  assert_int_equal(r.rung, 1);
  cg_loop_free(r.loop);
}

static void a_timer_may_change_its_loop(void **state) {
  (void)state;
  struct cg_loop *first = cg_loop_new(NULL);
  struct ring r = {.loop = cg_loop_new(NULL)};
  cg_timer_start(&r.timer, first, 0, never, NULL);
  cg_timer_start(&r.timer, r.loop, 0, stop_itself, &r);
  cg_loop_run(r.loop);
  cg_loop_stop(first);
  cg_loop_run(first);
  assert_int_equal(r.rung, 1);
  cg_loop_free(first);
  cg_loop_free(r.loop);
}

/* ---- mail ---- */

/* Arrives three times: it is sent again inside itself, then frees what it lies in. */
struct boomerang {
  struct cg_mail mail;
  struct cg_loop *loop;
  int left;
};

static void come_back(void *arg) {
  struct boomerang *b = arg;
  if (b->left--) {
    cg_loop_send(b->loop, &b->mail, come_back, b);
    return;
  }
  cg_loop_stop(b->loop);
  cg_free(b);
}

static void mail_may_be_sent_again_and_freed_inside_itself(void **state) {
  (void)state;
  struct boomerang *b = cg_alloc(sizeof *b);
  struct cg_loop *loop = cg_loop_new(NULL);
  *b = (struct boomerang){.loop = loop, .left = 2};
  cg_loop_send(loop, &b->mail, come_back, b);
  cg_loop_run(loop);
  cg_loop_free(loop);
}

static void mail_needs_no_memory_and_has_no_bound(void **state) {
  (void)state;
  const int many = 200000;
  int n = 0;
  struct cg_loop *loop = cg_loop_new(NULL);
  struct cg_mail *mail = cg_alloc((size_t)many * sizeof *mail);
  cg_mem_fail_from(1, UINT64_MAX - 1);
  for (int i = 0; i < many; i++) cg_loop_send(loop, &mail[i], count, &n);
  cg_loop_stop(loop);
  cg_loop_run(loop);
  cg_mem_fail_after(0);
  assert_int_equal(n, many);
  cg_loop_free(loop);
  cg_free(mail);
}

/* A queue of 100 ms of work; a socket that had something from the start. */
struct shift {
  struct cg_mail mail[101];
  struct cg_loop *loop;
  int done, done_at_event;
};

static void work_1ms(void *arg) {
  struct shift *s = arg;
  int64_t end = cg_clock_system.mono_us(&cg_clock_system) + 1000;
  while (cg_clock_system.mono_us(&cg_clock_system) < end) {
  }
  if (++s->done == 50)
    cg_loop_send(s->loop, &s->mail[0], work_1ms, s); /* seen after the rest */
  if (s->done == 101) cg_loop_stop(s->loop);
}

static void note_work(evutil_socket_t fd, short what, void *arg) {
  struct shift *s = arg;
  (void)fd, (void)what;
  s->done_at_event = s->done;
}

static void make_event(void *arg) {
  struct shift *s = arg;
  const struct timeval at_once = {0};
  CG_CHECK(event_base_once(cg_loop_base(s->loop), -1, EV_TIMEOUT, note_work, s,
                           &at_once) == 0);
}

static void a_full_mailbox_leaves_the_loop_its_turns(void **state) {
  (void)state;
  struct shift s = {.loop = cg_loop_new(NULL), .done_at_event = -1};
  cg_loop_send(s.loop, &s.mail[100], make_event, &s);
  for (int i = 0; i < 100; i++) cg_loop_send(s.loop, &s.mail[i], work_1ms, &s);
  cg_loop_run(s.loop);
  assert_int_equal(s.done, 101);
  assert_in_range(s.done_at_event, 0, 10);
  cg_loop_free(s.loop);
}

/* ---- gaps ---- */

#define PIPES   40 /* more than epoll tells of at once */
#define HOLD_US 1800000

struct gapped {
  struct cg_loop *loop;
  struct cg_on_gap on;
  struct cg_mail mail;
  struct cg_timer soon, later;
  struct event *events[PIPES];
  int pipes[PIPES][2];
  int gaps, read_before, read;
  int64_t gap_us, held_until_us, rang_after_us;
  bool rang_before, mailed_before;
};

static void on_gap(void *arg, int64_t gap_us) {
  struct gapped *g = arg;
  g->gaps++;
  g->gap_us = gap_us;
}

static void on_pipe(evutil_socket_t fd, short what, void *arg) {
  struct gapped *g = arg;
  char c;
  (void)what;
  assert_int_equal(read(fd, &c, 1), 1);
  g->read++;
  if (!g->gaps) g->read_before++;
}

static void on_late_mail(void *arg) {
  struct gapped *g = arg;
  g->mailed_before = !g->gaps;
}

static void on_later(void *arg) {
  struct gapped *g = arg;
  g->rang_before = !g->gaps;
  g->rang_after_us = cg_clock_system.mono_us(&cg_clock_system) - g->held_until_us;
  cg_loop_stop(g->loop);
}

/* Stands still as a stopped process does, with everything ready behind it. */
static void hold_loop(void *arg) {
  struct gapped *g = arg;
  const struct timespec t = {HOLD_US / 1000000, HOLD_US % 1000000 * 1000};
  cg_loop_send(g->loop, &g->mail, on_late_mail, g);
  for (int i = 0; i < PIPES; i++) assert_int_equal(write(g->pipes[i][1], "x", 1), 1);
  nanosleep(&t, NULL);
  g->held_until_us = cg_clock_system.mono_us(&cg_clock_system);
}

static void behind_a_gap_its_followers_hear_first_and_no_timer_is_overdue(void **state) {
  (void)state;
  struct gapped g = {.loop = cg_loop_new(NULL)};
  cg_loop_on_gap(g.loop, &g.on, on_gap, &g);
  for (int i = 0; i < PIPES; i++) {
    assert_int_equal(pipe(g.pipes[i]), 0);
    g.events[i] =
        event_new(cg_loop_base(g.loop), g.pipes[i][0], EV_READ | EV_PERSIST, on_pipe, &g);
    assert_int_equal(event_add(g.events[i], NULL), 0);
  }
  cg_timer_start(&g.later, g.loop, 400000, on_later, &g);
  cg_timer_start(&g.soon, g.loop, 1000, hold_loop, &g);
  cg_loop_run(g.loop);
  assert_int_equal(g.gaps, 1);
  assert_true(g.gap_us >= HOLD_US && g.gap_us == cg_loop_stood_us(g.loop));
  assert_int_equal(g.read_before, 0);
  assert_int_equal(g.read, PIPES);
  assert_false(g.rang_before || g.mailed_before);
  assert_true(g.rang_after_us >= 300000);
  assert_true(cg_loop_beat_us(g.loop) >= g.held_until_us);
  for (int i = 0; i < PIPES; i++) {
    event_free(g.events[i]);
    close(g.pipes[i][0]);
    close(g.pipes[i][1]);
  }
  cg_loop_off_gap(g.loop, &g.on);
  cg_loop_free(g.loop);
}

static void an_idle_loop_has_no_gaps_and_beats(void **state) {
  (void)state;
  struct gapped g = {.loop = cg_loop_new(NULL)};
  cg_loop_on_gap(g.loop, &g.on, on_gap, &g);
  int64_t began = cg_loop_beat_us(g.loop);
  cg_timer_start(&g.later, g.loop, 1600000, on_later, &g);
  cg_loop_run(g.loop);
  assert_int_equal(g.gaps, 0);
  assert_true(cg_loop_beat_us(g.loop) >= began + 1600000);
  cg_loop_off_gap(g.loop, &g.on);
  cg_loop_free(g.loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(behind_a_gap_its_followers_hear_first_and_no_timer_is_overdue),
      cmocka_unit_test(an_idle_loop_has_no_gaps_and_beats),
      cmocka_unit_test(mail_of_each_thread_arrives_in_order),
      cmocka_unit_test(loops_talk_to_each_other),
      cmocka_unit_test(a_stop_before_the_run_holds_and_loses_nothing),
      cmocka_unit_test(messages_may_send_and_the_loop_may_run_twice),
      cmocka_unit_test(no_memory_is_said),
      cmocka_unit_test(a_timer_rings_once_per_start),
      cmocka_unit_test(a_timer_moves_stops_and_frees_itself),
      cmocka_unit_test(a_timer_may_change_its_loop),
      cmocka_unit_test(mail_may_be_sent_again_and_freed_inside_itself),
      cmocka_unit_test(mail_needs_no_memory_and_has_no_bound),
      cmocka_unit_test(a_full_mailbox_leaves_the_loop_its_turns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
