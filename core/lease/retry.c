#include "lease/retry.h"

#include <string.h>

#include "base/backoff.h"
#include "base/check.h"
#include "base/deferred.h"
#include "base/mem.h"

#define CALLS_A_TURN 32    /* then requests have theirs */
#define COPIES_MAX   65536 /* items of no lease that wait */

struct batch { /* of one call */
  struct cg_retries *queue;
  struct cg_list items;
  bool open;
};

struct cg_retries {
  struct cg_service *g;
  const struct cg_retry_kind *kind;
  struct cg_list waiting;
  size_t n, n_copies; /* waiting or under way */
  size_t n_calls, window;
  struct cg_backoff backoff;
  struct cg_deferred *next_turn;
  struct batch batches[CG_RETRIES_CALLS];
};

static void take_turn(void *arg) {
  cg_retries_send(arg);
}

struct cg_retries *cg_retries_new(struct cg_service *g,
                                  const struct cg_retry_kind *kind) {
  CG_CHECK(kind->calls <= CG_RETRIES_CALLS && kind->per_call <= CG_RETRIES_PER_CALL);
  struct cg_retries *q = cg_alloc(sizeof *q);
  if (!q) return NULL;
  q->g = g;
  q->kind = kind;
  q->window = kind->calls;
  for (size_t i = 0; i < CG_RETRIES_CALLS; i++) q->batches[i].queue = q;
  q->next_turn = cg_deferred_new(g->loop, take_turn, q);
  if (q->next_turn) return q;
  cg_free(q);
  return NULL;
}

static struct cg_retry *take_first(struct cg_list *list) {
  struct cg_retry *e = CG_CONTAINER(list->first, struct cg_retry, link);
  cg_list_remove(list, &e->link);
  return e;
}

static void retry_over(struct cg_retries *q, struct cg_retry *e) {
  struct cg_lease *l = e->lease;
  q->n--;
  if (l) {
    cg_lease_unref(l);
    return;
  }
  q->n_copies--;
  cg_free(e);
}

void cg_retries_free(struct cg_retries *q) {
  if (!q) return;
  cg_timer_stop(&q->backoff.timer);
  cg_deferred_free(q->next_turn);
  while (q->waiting.first) retry_over(q, take_first(&q->waiting));
  for (size_t i = 0; i < CG_RETRIES_CALLS; i++)
    while (q->batches[i].items.first) retry_over(q, take_first(&q->batches[i].items));
  cg_free(q);
}

/* ---- one call ---- */

static bool may_send(const struct cg_retries *q) {
  return q->waiting.first && !q->backoff.pausing && q->n_calls < q->window;
}

static void soon(struct cg_retries *q) {
  if (may_send(q)) cg_deferred_soon(q->next_turn);
}

static void pause_over(void *arg) {
  struct cg_retries *q = arg;
  cg_backoff_over(&q->backoff);
  cg_retries_send(q);
}

static void failed(struct cg_retries *q, const char *text) {
  q->window = 1;
  if (!cg_backoff_pause(&q->backoff, q->g->loop, pause_over, q)) return;
  CG_LOG(q->g->log, CG_WARN, q->kind->trouble, {"count", NULL, (int64_t)q->n},
         {"error", text});
}

static void answered(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct batch *b = arg;
  struct cg_retries *q = b->queue;
  bool ok = code == CGP_OK || code == CGP_E_NOTFOUND;
  (void)result;
  while (b->items.first) {
    struct cg_retry *e = take_first(&b->items);
    if (ok)
      retry_over(q, e);
    else
      cg_list_add(&q->waiting, &e->link);
  }
  b->open = false;
  q->n_calls--;
  if (!ok) {
    failed(q, text);
    return;
  }
  cg_backoff_reset(&q->backoff);
  q->window = q->window * 2 < q->kind->calls ? q->window * 2 : q->kind->calls;
  soon(q);
}

static struct batch *free_batch(struct cg_retries *q) {
  struct batch *b = q->batches;
  while (b->open) b++;
  return b;
}

static void send_some(struct cg_retries *q) {
  struct cg_retry *items[CG_RETRIES_PER_CALL];
  struct batch *b = free_batch(q);
  int64_t now = cg_service_mono(q->g);
  size_t n = 0;
  while (q->waiting.first && n < q->kind->per_call) {
    struct cg_retry *e = take_first(&q->waiting);
    if (now >= e->until_mono_us) {
      retry_over(q, e);
      continue;
    }
    cg_list_add(&b->items, &e->link);
    items[n++] = e;
  }
  if (n == 0) return;
  b->open = true;
  q->n_calls++;
  q->kind->send(q->g, items, n, answered, b);
}

void cg_retries_send(struct cg_retries *q) {
  for (int i = 0; i < CALLS_A_TURN && may_send(q); i++) send_some(q);
  soon(q);
}

/* ---- into the queue ---- */

static void add(struct cg_retries *q, struct cg_retry *e) {
  cg_list_add(&q->waiting, &e->link);
  q->n++;
  soon(q);
}

void cg_retries_add(struct cg_retries *q, struct cg_lease *l, struct cg_retry *e,
                    const char *id, int64_t until_mono_us) {
  *e = (struct cg_retry){.lease = cg_lease_ref(l),
                         .id = id,
                         .room = l->room,
                         .until_mono_us = until_mono_us};
  add(q, e);
}

bool cg_retries_add_copy(struct cg_retries *q, const char *id, const char *room,
                         int64_t until_mono_us) {
  size_t n_id = strlen(id) + 1, n_room = strlen(room) + 1;
  struct cg_retry *e =
      q->n_copies < COPIES_MAX ? cg_firm_alloc(sizeof *e + n_id + n_room) : NULL;
  if (!e) return false;
  char *text = (char *)(e + 1);
  e->id = memcpy(text, id, n_id);
  e->room = memcpy(text + n_id, room, n_room);
  e->until_mono_us = until_mono_us;
  q->n_copies++;
  add(q, e);
  return true;
}

size_t cg_retries_open(const struct cg_retries *q) {
  return q->backoff.pausing ? 0 : q->n;
}
