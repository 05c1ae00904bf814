#include "base/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#define MAILBOX_MAX ((size_t)65536)
#define MAILBOX_FIRST                                                                    \
  ((size_t)64) /* there from the start: a post or two need no memory */
#define NEVER_US (INT64_MAX / 2)
#define SLICE_US 5000 /* of messages, then the loop looks at its sockets */

struct message {
  void (*fn)(void *arg);
  void *arg;
};

struct mailbox {
  struct message *items;
  size_t at, n, cap; /* at: the next to run */
};

struct cg_loop {
  struct event_base *base;
  struct event *wake;
  int fd;
  _Atomic uintptr_t owner;
  atomic_bool stopping;
  pthread_mutex_t lock; /* guards in, woken */
  struct mailbox in;
  bool woken;
  struct mailbox out; /* being run; the loop's thread only */
  bool inside;        /* of a slice */
};

static void wake(struct cg_loop *loop) {
  uint64_t one = 1;
  ssize_t n = write(loop->fd, &one, sizeof one); /* full means readable: fine */
  (void)n;
}

static int64_t now_us(void) {
  return cg_clock_system.mono_us(&cg_clock_system);
}

/* What is left of the last slice, or else all that came since. */
static struct mailbox take(struct cg_loop *loop) {
  struct mailbox full = loop->out;
  loop->out = (struct mailbox){0};
  if (full.at < full.n) return full;
  struct mailbox empty = {.items = full.items, .cap = full.cap};
  pthread_mutex_lock(&loop->lock);
  full = loop->in;
  loop->in = empty;
  loop->woken = false;
  pthread_mutex_unlock(&loop->lock);
  return full;
}

/* Runs what was there when it began; what these messages post comes the next time.
 * -> messages run. */
static size_t drain(struct cg_loop *loop, int64_t most_us) {
  struct mailbox full = take(loop);
  size_t from = full.at;
  for (int64_t end = now_us() + most_us; full.at < full.n && now_us() < end; full.at++)
    full.items[full.at].fn(full.items[full.at].arg);
  cg_free(loop->out.items); /* of a drain inside a drain */
  loop->out = full;
  return full.at - from;
}

static bool has_rest(const struct cg_loop *loop) {
  return loop->out.at < loop->out.n;
}

/* A slice inside a message has no bound, so that it leaves nothing.  One that began with
 * a rest has not seen what came since, whose wake-up is used up. */
static void slice(struct cg_loop *loop) {
  bool outer = loop->inside, rest = has_rest(loop);
  loop->inside = true;
  drain(loop, outer ? NEVER_US : SLICE_US);
  loop->inside = outer;
  if (rest || has_rest(loop)) wake(loop);
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
  (void)what;
  struct cg_loop *loop = arg;
  uint64_t n;
  ssize_t got = read(fd, &n, sizeof n);
  (void)got;
  slice(loop);
  if (atomic_load(&loop->stopping)) event_base_loopbreak(loop->base);
}

static bool make_mailbox(struct mailbox *m) {
  m->items = cg_alloc(MAILBOX_FIRST * sizeof *m->items);
  m->cap = m->items ? MAILBOX_FIRST : 0;
  return m->items;
}

static struct event_base *base_new(void) {
  struct event_config *config = event_config_new();
  if (!config) return NULL;
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  struct event_base *base = event_base_new_with_config(config);
  event_config_free(config);
  return base;
}

struct cg_loop *cg_loop_new(struct cg_err *err) {
  struct cg_loop *loop = cg_alloc(sizeof *loop);
  if (!loop) {
    cg_fail(err, CG_E_MEMORY, "no memory for an event loop");
    return NULL;
  }
  pthread_mutex_init(&loop->lock, NULL);
  atomic_store(&loop->owner, (uintptr_t)pthread_self());
  loop->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  loop->base = base_new();
  if (loop->fd >= 0 && loop->base && make_mailbox(&loop->in) && make_mailbox(&loop->out))
    loop->wake = event_new(loop->base, loop->fd, EV_READ | EV_PERSIST, on_wake, loop);
  if (loop->wake && !event_add(loop->wake, NULL)) return loop;
  cg_fail(err, CG_E_UNAVAILABLE, "cannot make an event loop (memory or descriptors)");
  cg_loop_free(loop);
  return NULL;
}

void cg_loop_free(struct cg_loop *loop) {
  if (!loop) return;
  atomic_store(&loop->owner, (uintptr_t)pthread_self());
  while (drain(loop, NEVER_US)) {
  }
  if (loop->wake) event_free(loop->wake);
  if (loop->base) event_base_free(loop->base);
  if (loop->fd >= 0) close(loop->fd);
  pthread_mutex_destroy(&loop->lock);
  cg_free(loop->in.items);
  cg_free(loop->out.items);
  cg_free(loop);
}

struct event_base *cg_loop_base(struct cg_loop *loop) {
  return loop->base;
}

void cg_loop_run(struct cg_loop *loop) {
  atomic_store(&loop->owner, (uintptr_t)pthread_self());
  CG_CHECK(event_base_dispatch(loop->base) >= 0);
  while (drain(loop, NEVER_US)) {
  }
  atomic_store(&loop->stopping, false);
}

void cg_loop_stop(struct cg_loop *loop) {
  atomic_store(&loop->stopping, true);
  wake(loop);
}

bool cg_loop_is_mine(const struct cg_loop *loop) {
  return atomic_load_explicit(&loop->owner, memory_order_relaxed) ==
         (uintptr_t)pthread_self();
}

static bool push(struct mailbox *m, struct message message) {
  if (m->n == m->cap) {
    if (m->n == MAILBOX_MAX) return false;
    size_t cap = m->cap ? m->cap * 2 : MAILBOX_FIRST;
    struct message *items = cg_realloc(m->items, cap * sizeof *items);
    if (!items) return false;
    m->items = items;
    m->cap = cap;
  }
  m->items[m->n++] = message;
  return true;
}

bool cg_loop_post(struct cg_loop *loop, void (*fn)(void *arg), void *arg) {
  pthread_mutex_lock(&loop->lock);
  bool ok = push(&loop->in, (struct message){fn, arg});
  bool first = ok && !loop->woken;
  if (first) loop->woken = true;
  pthread_mutex_unlock(&loop->lock);
  if (first) wake(loop);
  return ok;
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what;
  struct cg_timer *t = arg;
  t->fn(t->arg);
}

bool cg_timer_start(struct cg_timer *t, struct cg_loop *loop, int64_t us,
                    void (*fn)(void *), void *arg) {
  if (us < 0) us = 0;
  if (t->ev && event_get_base(t->ev) != loop->base) cg_timer_stop(t);
  if (!t->ev) t->ev = event_new(loop->base, -1, 0, on_timer, t);
  t->fn = fn;
  t->arg = arg;
  struct timeval tv = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
  return t->ev && !event_add(t->ev, &tv);
}

void cg_timer_stop(struct cg_timer *t) {
  if (t->ev) event_free(t->ev);
  t->ev = NULL;
}
