#include "http/admission.h"

#include <event2/event.h>

#include "base/mem.h"
#include "http/in_flight.h"
#include "http/wire.h"

#define SLICE_US 5000    /* of work, then the sockets are looked at again */
#define HOLD_US  200     /* an answer waits for those behind it */
#define TOLD_US  1000000 /* Retry-After: 1 */
#define WAIT_US  20000   /* of who insists, and for each one in the line: */
#define EACH_US  30      /* three times the cost of a refusal */

struct line {
  struct cg_exchange *first, **end;
  uint32_t n;
};

struct cg_admission {
  struct cg_admission_conf conf;
  struct event *turn;
  bool armed; /* turn runs in this pass of the loop or the next */
  struct cg_in_flight *in_flight;
  struct line admitted, waiting;
};

static void append(struct line *q, struct cg_exchange *x) {
  x->next = NULL;
  *q->end = x;
  q->end = &x->next;
  q->n++;
}

static struct cg_exchange *take_first(struct line *q) {
  struct cg_exchange *x = q->first;
  q->first = x->next;
  if (!q->first) q->end = &q->first;
  q->n--;
  return x;
}

static int64_t now(const struct cg_admission *a) {
  return cg_listener_now(a->conf.listener);
}

/* ---- one request ---- */

static bool has_room(const struct cg_admission *a, const struct cg_exchange *x) {
  uint32_t n = a->in_flight->n, most = a->conf.most;
  return n < most || (n < 2 * most && cg_router_keeps(a->conf.router, x));
}

static void admit(struct cg_admission *a, struct cg_exchange *x) {
  cg_exchange_admitted(x, a->in_flight);
  append(&a->admitted, x);
}

static void refuse_as_busy(struct cg_admission *a, struct cg_exchange *x) {
  if (cg_exchange_alive(x)) cg_listener_count_refusal(a->conf.listener, CG_E_BUSY);
  cg_exchange_failf(x, CG_E_BUSY, "too many requests are being worked on");
}

static void arm(struct cg_admission *a) {
  if (a->armed) return;
  a->armed = true;
  event_active(a->turn, EV_TIMEOUT, 0);
}

void cg_admission_take(struct cg_admission *a, struct cg_exchange *x) {
  int64_t *told_us = &x->wire->busy_told_us;
  if (has_room(a, x)) {
    admit(a, x);
  } else if (*told_us && x->began_us - *told_us < TOLD_US) {
    append(&a->waiting, x);
  } else {
    *told_us = x->began_us;
    refuse_as_busy(a, x);
    return;
  }
  arm(a);
}

/* ---- the queue's turn ---- */

static int64_t due_us(const struct cg_admission *a) {
  return a->waiting.first->began_us + WAIT_US + a->waiting.n * EACH_US;
}

static void run(struct cg_admission *a, struct cg_exchange *x) {
  if (cg_exchange_alive(x))
    cg_router_dispatch(a->conf.router, x);
  else
    refuse_as_busy(a, x); /* nobody hears it */
}

static void end_wait(struct cg_admission *a, struct cg_exchange *x) {
  if (cg_exchange_alive(x) && has_room(a, x)) {
    admit(a, x);
    return;
  }
  if (cg_exchange_alive(x)) x->wire->busy_told_us = now(a);
  refuse_as_busy(a, x);
}

/* The next turn: after the sockets' when there is work, else when the line's first is
 * due. */
static void rearm(struct cg_admission *a) {
  int64_t left = a->admitted.n ? 0 : due_us(a) - now(a), us = left > 0 ? left : 0;
  struct timeval tv = {us / 1000000, us % 1000000};
  a->armed = a->admitted.n > 0;
  if (event_add(a->turn, &tv) < 0) event_active(a->turn, EV_TIMEOUT, 0);
}

/* Their answers leave together, but none waits for long. */
static void run_admitted(struct cg_admission *a) {
  struct cg_outbox *out = a->conf.listener->outbox;
  int64_t began = now(a), flushed = began, at = began;
  cg_outbox_open(out);
  for (; a->admitted.n && at - began < SLICE_US; at = now(a)) {
    if (at - flushed >= HOLD_US) {
      cg_outbox_flush(out);
      flushed = at;
    }
    run(a, take_first(&a->admitted));
  }
  cg_outbox_close(out);
}

static void on_turn(evutil_socket_t fd, short what, void *arg) {
  struct cg_admission *a = arg;
  (void)fd, (void)what;
  run_admitted(a);
  for (int64_t at = now(a); a->waiting.n && due_us(a) <= at && now(a) < at + SLICE_US;)
    end_wait(a, take_first(&a->waiting));
  a->armed = false;
  if (a->admitted.n || a->waiting.n) rearm(a);
}

/* ---- life ---- */

struct cg_admission *cg_admission_new(const struct cg_admission_conf *conf) {
  struct cg_admission *a = cg_alloc(sizeof *a);
  if (!a) return NULL;
  a->conf = *conf;
  a->admitted.end = &a->admitted.first;
  a->waiting.end = &a->waiting.first;
  a->in_flight = cg_in_flight_new();
  a->turn = event_new(cg_loop_base(conf->loop), -1, 0, on_turn, a);
  if (a->in_flight && a->turn) return a;
  cg_admission_free(a);
  return NULL;
}

void cg_admission_free(struct cg_admission *a) {
  if (!a) return;
  if (a->turn) event_free(a->turn);
  while (a->waiting.n) refuse_as_busy(a, take_first(&a->waiting));
  while (a->admitted.n) refuse_as_busy(a, take_first(&a->admitted));
  if (a->in_flight) cg_in_flight_drop(a->in_flight);
  cg_free(a);
}
