#include "base/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define NEVER_US INT64_MAX
#define SLICE_US 5000 /* of mail or timers, then the loop looks at its sockets */
#define TICK_US  500000
#define LATE_US  1000000 /* a tick so late was kept by a gap */

enum { FIRST, THEN, PRIORITIES }; /* of events that are there together */

struct cg_loop {
  struct event_base *base;
  const struct cg_clock *clock;
  _Atomic uintptr_t owner;
  atomic_bool stopping;

  int wake_fd;
  struct event *on_wake;
  atomic_bool asleep;             /* mail has to wake it */
  _Atomic(struct cg_mail *) in;   /* newest first */
  struct cg_mail *out, **out_end; /* oldest first; the loop's thread only */

  int alarm_fd; /* a timerfd, because setting it cannot fail */
  struct event *on_alarm;
  int64_t alarm_us; /* for when it is set */
  struct cg_timers timers;

  int tick_fd;
  struct event *on_tick;
  _Atomic int64_t beat_us, stood_us;
  struct cg_list on_gap; /* struct cg_on_gap */
};

static int64_t mono_us(const struct cg_loop *loop) {
  return loop->clock->mono_us(loop->clock);
}

static int64_t less_gaps(const struct cg_loop *loop, int64_t mono) {
  return mono - atomic_load_explicit(&loop->stood_us, memory_order_relaxed);
}

int64_t cg_loop_now(const struct cg_loop *loop) {
  return less_gaps(loop, mono_us(loop));
}

int64_t cg_loop_stood_us(const struct cg_loop *loop) {
  return atomic_load_explicit(&loop->stood_us, memory_order_relaxed);
}

int64_t cg_loop_beat_us(const struct cg_loop *loop) {
  return atomic_load(&loop->beat_us);
}

/* ---- gaps ---- */

void cg_loop_on_gap(struct cg_loop *loop, struct cg_on_gap *on,
                    void (*fn)(void *arg, int64_t gap_us), void *arg) {
  on->fn = fn;
  on->arg = arg;
  cg_list_add(&loop->on_gap, &on->link);
}

void cg_loop_off_gap(struct cg_loop *loop, struct cg_on_gap *on) {
  if (!on->fn) return;
  cg_list_remove(&loop->on_gap, &on->link);
  on->fn = NULL;
}

/* The beat comes last: who sees it sees what the gap's followers did, too. */
static void stood_still(struct cg_loop *loop, int64_t gap_us, int64_t mono) {
  atomic_fetch_add(&loop->stood_us, gap_us);
  for (struct cg_link *at = loop->on_gap.first, *next; at; at = next) {
    struct cg_on_gap *on = CG_CONTAINER(at, struct cg_on_gap, link);
    next = at->next;
    on->fn(on->arg, gap_us);
  }
  atomic_store(&loop->beat_us, mono);
}

int64_t cg_loop_look(struct cg_loop *loop) {
  int64_t mono = mono_us(loop), since = mono - cg_loop_beat_us(loop);
  if (since >= TICK_US + LATE_US && loop->clock == &cg_clock_system)
    stood_still(loop, since, mono);
  else
    atomic_store_explicit(&loop->beat_us, mono, memory_order_relaxed);
  return less_gaps(loop, mono);
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
  (void)what;
  uint64_t n;
  ssize_t got = read(fd, &n, sizeof n);
  (void)got;
  cg_loop_look(arg);
}

/* ---- mail ---- */

static void wake(struct cg_loop *loop) {
  uint64_t one = 1;
  ssize_t n = write(loop->wake_fd, &one, sizeof one); /* full means readable: fine */
  (void)n;
}

/* The mail is in before `asleep` is asked, as `asleep` is set before the loop looks for
 * mail (turn): so one of the two sees the other.  Its own thread does not sleep. */
void cg_loop_send(struct cg_loop *loop, struct cg_mail *m, void (*fn)(void *arg),
                  void *arg) {
  CG_CHECK(!m->fn);
  m->fn = fn;
  m->arg = arg;
  struct cg_mail *last = atomic_load_explicit(&loop->in, memory_order_relaxed);
  do m->next = last;
  while (!atomic_compare_exchange_weak(&loop->in, &last, m));
  if (atomic_load(&loop->owner) != (uintptr_t)pthread_self() &&
      atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false))
    wake(loop);
}

/* Behind what is left of the last slice comes what arrived since. */
static void collect(struct cg_loop *loop) {
  struct cg_mail *m = atomic_exchange(&loop->in, NULL), *oldest = NULL, *newest = m;
  while (m) {
    struct cg_mail *older = m->next;
    m->next = oldest;
    oldest = m;
    m = older;
  }
  if (!oldest) return;
  *loop->out_end = oldest;
  loop->out_end = &newest->next;
}

static void run_first(struct cg_loop *loop) {
  struct cg_mail *m = loop->out;
  void (*fn)(void *) = m->fn;
  loop->out = m->next;
  if (!loop->out) loop->out_end = &loop->out;
  m->fn = NULL;
  fn(m->arg);
}

/* Runs what has arrived by now; what that sends comes the next time.
 * -> false: there was nothing */
static bool run_mail(struct cg_loop *loop, int64_t most_us) {
  collect(loop);
  bool any = loop->out;
  int64_t now = cg_loop_look(loop), end = most_us == NEVER_US ? NEVER_US : now + most_us;
  while (loop->out && cg_loop_look(loop) < end) run_first(loop);
  return any;
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
  (void)what, (void)arg;
  uint64_t n;
  ssize_t got = read(fd, &n, sizeof n);
  (void)got;
}

/* ---- timers ---- */

static void set_alarm(struct cg_loop *loop) {
  if (loop->clock != &cg_clock_system) return; /* cg_loop_turn looks */
  const struct cg_timer *t = loop->timers.first;
  int64_t wait = t ? t->due_us - cg_loop_now(loop) : 0; /* 0: no alarm */
  if (t && wait < 1) wait = 1;
  const struct itimerspec in = {
      .it_value = {.tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000}};
  CG_CHECK(timerfd_settime(loop->alarm_fd, 0, &in, NULL) == 0);
  loop->alarm_us = t ? t->due_us : NEVER_US;
}

/* Runs what is due, but not what is started meanwhile. */
static void run_timers(struct cg_loop *loop) {
  uint64_t n_set = loop->timers.n_set;
  int64_t now = cg_loop_look(loop), end = now + SLICE_US;
  loop->alarm_us = INT64_MIN; /* none is set for what is started meanwhile */
  struct cg_timer *t;
  while ((t = loop->timers.first) && t->due_us <= now && t->nth < n_set) {
    cg_timers_drop(t);
    t->fn(t->arg);
    if (cg_loop_look(loop) >= end) break;
  }
  set_alarm(loop);
}

static void on_alarm(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what;
  run_timers(arg);
}

void cg_timer_start(struct cg_timer *t, struct cg_loop *loop, int64_t us,
                    void (*fn)(void *arg), void *arg) {
  t->fn = fn;
  t->arg = arg;
  cg_timers_set(&loop->timers, t, cg_loop_now(loop) + (us > 0 ? us : 0));
  if (t->due_us < loop->alarm_us) set_alarm(loop);
}

void cg_timer_stop(struct cg_timer *t) {
  cg_timers_drop(t);
}

/* ---- life ---- */

static struct event_base *base_new(void) {
  struct event_config *config = event_config_new();
  if (!config) return NULL;
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  struct event_base *base = event_base_new_with_config(config);
  event_config_free(config);
  if (!base || event_base_priority_init(base, PRIORITIES) == 0) return base;
  event_base_free(base);
  return NULL;
}

static struct event *watch(struct cg_loop *loop, int fd, event_callback_fn fn) {
  if (fd < 0 || !loop->base) return NULL;
  struct event *ev = event_new(loop->base, fd, EV_READ | EV_PERSIST, fn, loop);
  if (!ev || event_add(ev, NULL) == 0) return ev;
  event_free(ev);
  return NULL;
}

/* A timer of the kernel's, and behind it one of libevent's: however many sockets have
 * something after a gap, one of the two is seen first. */
static struct event *watch_tick(struct cg_loop *loop) {
  const struct timespec every = {.tv_nsec = TICK_US * 1000};
  const struct itimerspec ticks = {.it_interval = every, .it_value = every};
  const struct timeval late = {.tv_usec = TICK_US + TICK_US / 2};
  struct event *ev = watch(loop, loop->tick_fd, on_tick);
  if (!ev || (event_priority_set(ev, FIRST) == 0 && event_add(ev, &late) == 0 &&
              timerfd_settime(loop->tick_fd, 0, &ticks, NULL) == 0))
    return ev;
  event_free(ev);
  return NULL;
}

struct cg_loop *cg_loop_new_on(const struct cg_clock *clock, struct cg_err *err) {
  struct cg_loop *loop = cg_alloc(sizeof *loop);
  if (!loop) {
    cg_fail(err, CG_E_MEMORY, "no memory for an event loop");
    return NULL;
  }
  loop->clock = clock;
  loop->out_end = &loop->out;
  loop->alarm_us = NEVER_US;
  atomic_store(&loop->owner, (uintptr_t)pthread_self());
  loop->base = base_new();
  loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  loop->alarm_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  loop->tick_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  loop->on_wake = watch(loop, loop->wake_fd, on_wake);
  loop->on_alarm = watch(loop, loop->alarm_fd, on_alarm);
  loop->on_tick = watch_tick(loop);
  loop->beat_us = mono_us(loop);
  if (loop->on_wake && loop->on_alarm && loop->on_tick) return loop;
  cg_fail(err, CG_E_UNAVAILABLE, "cannot make an event loop (memory or descriptors)");
  cg_loop_free(loop);
  return NULL;
}

struct cg_loop *cg_loop_new(struct cg_err *err) {
  return cg_loop_new_on(&cg_clock_system, err);
}

void cg_loop_free(struct cg_loop *loop) {
  if (!loop) return;
  atomic_store(&loop->owner, (uintptr_t)pthread_self());
  while (run_mail(loop, NEVER_US)) {
  }
  while (loop->timers.first) cg_timers_drop(loop->timers.first);
  if (loop->on_wake) event_free(loop->on_wake);
  if (loop->on_alarm) event_free(loop->on_alarm);
  if (loop->on_tick) event_free(loop->on_tick);
  if (loop->base) event_base_free(loop->base);
  if (loop->wake_fd >= 0) close(loop->wake_fd);
  if (loop->alarm_fd >= 0) close(loop->alarm_fd);
  if (loop->tick_fd >= 0) close(loop->tick_fd);
  cg_free(loop);
}

struct event_base *cg_loop_base(struct cg_loop *loop) {
  return loop->base;
}

/* Sockets, alarms, then mail: of this turn's own and of other threads. */
static void turn(struct cg_loop *loop, bool may_wait) {
  atomic_store(&loop->asleep, true);
  bool wait = may_wait && !loop->out && !atomic_load(&loop->in);
  if (!wait) atomic_store(&loop->asleep, false);
  CG_CHECK(event_base_loop(loop->base,
                           wait ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
  atomic_store(&loop->asleep, false);
  run_mail(loop, SLICE_US);
}

void cg_loop_run(struct cg_loop *loop) {
  atomic_store(&loop->owner, (uintptr_t)pthread_self());
  atomic_store(&loop->beat_us, mono_us(loop)); /* before, nobody turned it */
  while (!atomic_load(&loop->stopping)) turn(loop, true);
  while (run_mail(loop, NEVER_US)) {
  }
  atomic_store(&loop->stopping, false);
}

void cg_loop_turn(struct cg_loop *loop) {
  atomic_store(&loop->owner, (uintptr_t)pthread_self());
  turn(loop, false);
  run_timers(loop);
}

void cg_loop_stop(struct cg_loop *loop) {
  atomic_store(&loop->stopping, true);
  wake(loop);
}

bool cg_loop_is_mine(const struct cg_loop *loop) {
  return atomic_load_explicit(&loop->owner, memory_order_relaxed) ==
         (uintptr_t)pthread_self();
}
