#include "base/log_writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define PATIENCE_US INT64_C(2000000) /* of a stop */
#define SLEEPING_US INT64_C(500000)  /* beyond it, the thread sleeps in write(2) */
#define AGAIN_MS    500              /* until a full disk is tried again */
#define BUSY_MS     10               /* after room for less than a line */
#define NOW_MS      1000             /* of a command, for a descriptor that is full */
#define HURRY_MS    500

struct cg_log_writer {
  int fd, wake_fd;
  bool is_file; /* always takes or refuses, never makes wait */
  const struct cg_clock *clock;
  struct cg_metrics *metrics;
  int dropped_metric;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t ended_cond;

  /* under the lock */
  struct cg_log_queue *queue;
  bool asleep, ended;

  _Atomic int64_t stop_us; /* mono, until when it may still write; 0: not stopping */
  atomic_bool hurried, hurry_over;

  /* the thread's own */
  struct cg_log_taken line;
  bool torn; /* a line was begun, and its rest was refused */
};

static int64_t mono_us(const struct cg_log_writer *w) {
  return w->clock->mono_us(w->clock);
}

/* ---- the descriptor ---- */

/* Is the disk full, so that it may have room later? */
static bool is_full(int error) {
  static const int errors[] = {ENOSPC, EDQUOT, EFBIG, ENOMEM, ENOBUFS};
  for (size_t i = 0; i < CG_COUNT(errors); i++)
    if (error == errors[i]) return true;
  return false;
}

/* At its end, wherever it is by now; not every file system knows how. */
static ssize_t append(int fd, const char *text, size_t n) {
  const struct iovec piece = {(char *)(uintptr_t)text, n};
  ssize_t put = pwritev2(fd, &piece, 1, -1, RWF_APPEND);
  bool unknown = put < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL);
  return unknown ? write(fd, text, n) : put;
}

static bool is_file(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

void cg_log_write_now(int fd, const char *text, size_t n) {
  struct pollfd room = {.fd = fd, .events = POLLOUT};
  bool file = is_file(fd);
  while (n > 0) {
    ssize_t put = file ? append(fd, text, n) : write(fd, text, n);
    if (put > 0) {
      text += put;
      n -= (size_t)put;
    } else if (put == 0 || (errno == EAGAIN && poll(&room, 1, NOW_MS) < 1) ||
               (errno != EAGAIN && errno != EINTR)) {
      return;
    }
  }
}

/* ---- the thread: waiting ---- */

static void wake(const struct cg_log_writer *w) {
  uint64_t one = 1;
  ssize_t n = write(w->wake_fd, &one, sizeof one); /* full means readable: fine */
  (void)n;
}

static int ms_until(const struct cg_log_writer *w, int64_t due_us) {
  if (due_us == INT64_MAX) return -1;
  int64_t left = (due_us - mono_us(w) + 999) / 1000;
  return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* For room on fd (-1: for none), a wake or the time; -> does fd say something? */
static bool wait_for(struct cg_log_writer *w, int fd, int ms) {
  struct pollfd both[] = {{.fd = w->wake_fd, .events = POLLIN},
                          {.fd = fd, .events = POLLOUT}};
  uint64_t n;
  if (poll(both, CG_COUNT(both), ms) < 1) return false;
  if (both[0].revents && read(w->wake_fd, &n, sizeof n) < 0) return false;
  return both[1].revents != 0;
}

/* INT64_MAX: as long as it takes */
static int64_t patience_until(struct cg_log_writer *w) {
  int64_t stop_us = atomic_load(&w->stop_us);
  return stop_us ? stop_us : INT64_MAX;
}

/* false: a stop has no more patience */
static bool await_room(struct cg_log_writer *w) {
  for (;;) {
    int64_t until = patience_until(w);
    if (until != INT64_MAX && mono_us(w) >= until) return false;
    if (w->is_file || wait_for(w, w->fd, ms_until(w, until))) return true;
  }
}

/* ---- the thread: one line ---- */

/* After an error, and a pause where one helps. */
static bool worth_trying(struct cg_log_writer *w, int error) {
  bool full = is_full(error) && !atomic_load(&w->stop_us);
  if (full)
    wait_for(w, -1, AGAIN_MS);
  else if (error == EAGAIN)
    wait_for(w, -1, BUSY_MS);
  return full || error == EAGAIN || error == EINTR;
}

/* All of it, or false: it is lost. */
static bool write_text(struct cg_log_writer *w, const char *text, size_t n) {
  size_t at = 0;
  while (at < n && await_room(w)) {
    ssize_t put =
        w->is_file ? append(w->fd, text + at, n - at) : write(w->fd, text + at, n - at);
    if (put > 0)
      at += (size_t)put;
    else if (put == 0 || !worth_trying(w, errno))
      break;
  }
  if (at > 0) w->torn = at < n;
  return at == n;
}

/* Under the lock.  false: there is none, and a stop ends the thread. */
static bool next_line(struct cg_log_writer *w) {
  for (;;) {
    int64_t now = mono_us(w), wall = w->clock->wall_us(w->clock);
    bool hurried = atomic_load(&w->hurried), stopping = atomic_load(&w->stop_us);
    cg_log_queue_take(w->queue, now, wall, hurried || stopping, &w->line);
    if (w->line.n > 0) return true;
    if (hurried) atomic_store(&w->hurry_over, true);
    if (stopping) return false;
    int64_t due = cg_log_queue_due_us(w->queue, now);
    w->asleep = true;
    pthread_mutex_unlock(&w->lock);
    wait_for(w, -1, ms_until(w, due));
    pthread_mutex_lock(&w->lock);
    w->asleep = false;
  }
}

static void count(const struct cg_log_writer *w, uint64_t dropped) {
  if (dropped && w->metrics)
    cg_metric_add(w->metrics, 0, w->dropped_metric, (int64_t)dropped);
}

static void *run(void *arg) {
  struct cg_log_writer *w = arg;
  (void)pthread_setname_np(pthread_self(), "log");
  pthread_mutex_lock(&w->lock);
  while (next_line(w)) {
    pthread_mutex_unlock(&w->lock);
    bool ok =
        (!w->torn || write_text(w, "\n", 1)) && write_text(w, w->line.text, w->line.n);
    pthread_mutex_lock(&w->lock);
    count(w, cg_log_queue_settle(w->queue, &w->line, ok));
  }
  w->ended = true;
  pthread_cond_signal(&w->ended_cond);
  pthread_mutex_unlock(&w->lock);
  return NULL;
}

/* ---- what others ask of it ---- */

void cg_log_writer_put(struct cg_log_writer *w, const struct cg_log_line *line) {
  pthread_mutex_lock(&w->lock);
  enum cg_log_queued how = cg_log_queue_put(w->queue, line, mono_us(w));
  bool must_wake = how == CG_LOG_QUEUED && w->asleep;
  if (must_wake) w->asleep = false;
  pthread_mutex_unlock(&w->lock);
  if (must_wake) wake(w);
  count(w, how == CG_LOG_DROPPED);
}

void cg_log_writer_hurry(struct cg_log_writer *w) {
  const struct timespec ms = {.tv_nsec = 1000000};
  if (pthread_equal(pthread_self(), w->thread)) return;
  atomic_store(&w->hurried, true);
  wake(w);
  for (int i = 0; i < HURRY_MS && !atomic_load(&w->hurry_over); i++) nanosleep(&ms, NULL);
}

static void free_writer(struct cg_log_writer *w) {
  if (w->wake_fd >= 0) close(w->wake_fd);
  cg_log_queue_free(w->queue);
  pthread_mutex_destroy(&w->lock);
  pthread_cond_destroy(&w->ended_cond);
  cg_free(w);
}

/* false: it sleeps in write(2) */
static bool has_ended(struct cg_log_writer *w) {
  int64_t us = PATIENCE_US + SLEEPING_US;
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t nsec = until.tv_nsec + us % 1000000 * 1000;
  until.tv_sec += us / 1000000 + nsec / 1000000000;
  until.tv_nsec = nsec % 1000000000;
  pthread_mutex_lock(&w->lock);
  while (!w->ended)
    if (pthread_cond_clockwait(&w->ended_cond, &w->lock, CLOCK_MONOTONIC, &until)) break;
  bool ended = w->ended;
  if (!ended) w->metrics = NULL; /* which it would outlive */
  pthread_mutex_unlock(&w->lock);
  return ended;
}

void cg_log_writer_stop(struct cg_log_writer *w) {
  if (!w) return;
  atomic_store(&w->stop_us, mono_us(w) + PATIENCE_US);
  wake(w);
  if (!has_ended(w)) {
    pthread_detach(w->thread);
    return;
  }
  pthread_join(w->thread, NULL);
  free_writer(w);
}

/* Without signals: those are for the main thread. */
static bool start(struct cg_log_writer *w) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool ok = pthread_create(&w->thread, NULL, run, w) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return ok;
}

struct cg_log_writer *cg_log_writer_start(int fd, const struct cg_clock *clock,
                                          struct cg_metrics *metrics,
                                          struct cg_err *err) {
  struct cg_log_writer *w = cg_alloc(sizeof *w);
  if (!w) {
    cg_fail(err, CG_E_MEMORY, "no memory for the log");
    return NULL;
  }
  w->fd = fd;
  w->is_file = is_file(fd);
  w->clock = clock;
  w->metrics = metrics;
  w->dropped_metric =
      cg_metric(metrics, CG_COUNTER, "log_lines_dropped_total", "",
                "Log lines that stderr did not take, or of too many kinds.");
  pthread_mutex_init(&w->lock, NULL);
  pthread_cond_init(&w->ended_cond, NULL);
  w->queue = cg_log_queue_new();
  w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (w->dropped_metric >= 0 && w->queue && w->wake_fd >= 0 && start(w)) return w;
  cg_fail(err, CG_E_UNAVAILABLE, "cannot start the log (memory, descriptors or threads)");
  free_writer(w);
  return NULL;
}
