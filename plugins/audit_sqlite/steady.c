#include "steady.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define TICK_US 250000
#define GAP_US  500000

struct aud_steady {
  pthread_t thread;
  pthread_mutex_t lock; /* over what follows */
  pthread_cond_t stop;
  bool stopping;
  int64_t looked_us, stood_us; /* last; all gaps so far */
};

static int64_t clock_us(void) {
  struct timespec ts;
  (void)clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Under the lock. */
static int64_t look(struct aud_steady *s) {
  int64_t now = clock_us(), since = now - s->looked_us;
  if (since > GAP_US) s->stood_us += since;
  s->looked_us = now;
  return now;
}

int64_t aud_steady_us(struct aud_steady *s) {
  (void)pthread_mutex_lock(&s->lock);
  int64_t steady = look(s) - s->stood_us;
  (void)pthread_mutex_unlock(&s->lock);
  return steady;
}

static void *run(void *arg) {
  struct aud_steady *s = arg;
  (void)pthread_setname_np(pthread_self(), "audit clock");
  (void)pthread_mutex_lock(&s->lock);
  while (!s->stopping) {
    int64_t next = look(s) + TICK_US;
    const struct timespec ts = {next / 1000000, next % 1000000 * 1000};
    (void)pthread_cond_timedwait(&s->stop, &s->lock, &ts);
  }
  (void)pthread_mutex_unlock(&s->lock);
  return NULL;
}

/* ---- start, stop ---- */

static bool make_locks(struct aud_steady *s) {
  pthread_condattr_t attr;
  if (pthread_condattr_init(&attr) != 0) return false;
  bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
            pthread_mutex_init(&s->lock, NULL) == 0 &&
            pthread_cond_init(&s->stop, &attr) == 0;
  (void)pthread_condattr_destroy(&attr);
  return ok;
}

static bool make_thread(struct aud_steady *s) {
  sigset_t all, before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  bool ok = pthread_create(&s->thread, NULL, run, s) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return ok;
}

struct aud_steady *aud_steady_new(void) {
  struct aud_steady *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->looked_us = clock_us();
  if (make_locks(s) && make_thread(s)) return s;
  free(s);
  return NULL;
}

void aud_steady_free(struct aud_steady *s) {
  if (!s) return;
  (void)pthread_mutex_lock(&s->lock);
  s->stopping = true;
  (void)pthread_cond_signal(&s->stop);
  (void)pthread_mutex_unlock(&s->lock);
  (void)pthread_join(s->thread, NULL);
  (void)pthread_cond_destroy(&s->stop);
  (void)pthread_mutex_destroy(&s->lock);
  free(s);
}
