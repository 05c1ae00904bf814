#include "http/load.h"

#include <event2/event.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/guard.h"
#include "http/server.h"

#define SLICE_US 5000    /* of work, then the sockets are looked at again */
#define TOLD_US  1000000 /* Retry-After: 1 */
#define WAIT_US  20000   /* of who insists, and for each one in the line: */
#define EACH_US  30      /* three times the cost of a refusal */

struct line {
  struct cg_exchange *first, **end;
  uint32_t n;
};

struct cg_load {
  struct cg_load_conf conf;
  struct event *turn;
  bool armed; /* turn runs in this pass of the loop or the next */
  bool closed;
  uint32_t n; /* admitted and not answered */
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

static int64_t now(const struct cg_load *l) {
  return l->conf.clock->mono_us(l->conf.clock);
}

/* ---- one request ---- */

static bool fits(const struct cg_load *l, const struct cg_exchange *x) {
  if (l->n < l->conf.most) return true;
  return l->n < 2 * l->conf.most && cg_router_keeps(l->conf.router, x);
}

static void admit(struct cg_load *l, struct cg_exchange *x) {
  l->n++;
  x->load = l;
  append(&l->admitted, x);
}

static void refuse(struct cg_exchange *x) {
  if (cg_exchange_alive(x)) cg_server_refused(x->server, CG_E_BUSY);
  cg_exchange_failf(x, CG_E_BUSY, "too many requests are being worked on");
}

static void arm(struct cg_load *l) {
  if (l->armed) return;
  l->armed = true;
  event_active(l->turn, EV_TIMEOUT, 0);
}

void cg_load_take(struct cg_load *l, struct cg_exchange *x) {
  int64_t *told = cg_guard_told(x->guard);
  if (fits(l, x)) {
    admit(l, x);
  } else if (*told && x->began_us - *told < TOLD_US) {
    append(&l->waiting, x);
  } else {
    *told = x->began_us;
    refuse(x);
    return;
  }
  arm(l);
}

void cg_load_over(struct cg_load *l) {
  CG_CHECK(l->n > 0);
  l->n--;
  if (l->closed && l->n == 0) cg_free(l);
}

/* ---- the queue's turn ---- */

static int64_t due(const struct cg_load *l) {
  return l->waiting.first->began_us + WAIT_US + l->waiting.n * EACH_US;
}

static void run(struct cg_load *l, struct cg_exchange *x) {
  if (cg_exchange_alive(x))
    cg_router_dispatch(l->conf.router, x);
  else
    refuse(x); /* nobody hears it */
}

static void turn_away(struct cg_load *l, struct cg_exchange *x) {
  if (cg_exchange_alive(x) && fits(l, x)) {
    admit(l, x);
    return;
  }
  if (cg_exchange_alive(x)) *cg_guard_told(x->guard) = now(l);
  refuse(x);
}

/* The next turn: behind the sockets when there is work, else when the line's first is
 * due. */
static void rearm(struct cg_load *l) {
  int64_t left = l->admitted.n ? 0 : due(l) - now(l), us = left > 0 ? left : 0;
  struct timeval tv = {us / 1000000, us % 1000000};
  l->armed = l->admitted.n > 0;
  if (event_add(l->turn, &tv) < 0) event_active(l->turn, EV_TIMEOUT, 0);
}

static void on_turn(evutil_socket_t fd, short what, void *arg) {
  struct cg_load *l = arg;
  (void)fd, (void)what;
  for (int64_t until = now(l) + SLICE_US; l->admitted.n && now(l) < until;)
    run(l, take_first(&l->admitted));
  for (int64_t at = now(l); l->waiting.n && due(l) <= at && now(l) < at + SLICE_US;)
    turn_away(l, take_first(&l->waiting));
  l->armed = false;
  if (l->admitted.n || l->waiting.n) rearm(l);
}

/* ---- life ---- */

struct cg_load *cg_load_new(const struct cg_load_conf *conf) {
  struct cg_load *l = cg_alloc(sizeof *l);
  if (!l) return NULL;
  l->conf = *conf;
  l->admitted.end = &l->admitted.first;
  l->waiting.end = &l->waiting.first;
  l->turn = event_new(cg_loop_base(conf->loop), -1, 0, on_turn, l);
  if (l->turn) return l;
  cg_free(l);
  return NULL;
}

void cg_load_close(struct cg_load *l) {
  if (!l) return;
  event_free(l->turn);
  while (l->waiting.n) refuse(take_first(&l->waiting));
  while (l->admitted.n) refuse(take_first(&l->admitted));
  l->closed = true;
  if (l->n == 0) cg_free(l);
}
