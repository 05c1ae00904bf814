#include "lease/errand.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "lease/patience.h"
#include "lease/turn.h"

#define CALLS_A_TURN 32    /* then requests have theirs */
#define COPIES_MAX   65536 /* errands of nobody's that wait */

struct batch { /* of one call */
  struct cg_errands *queue;
  struct cg_list items;
  bool open;
};

struct cg_errands {
  struct cg_service *g;
  const struct cg_errand_kind *kind;
  struct cg_list waiting;
  size_t n, n_copies; /* waiting or under way */
  size_t n_calls, window;
  struct cg_patience patience;
  struct cg_turn *turn;
  struct batch batches[CG_ERRANDS_CALLS];
};

static void next_turn(void *arg) {
  cg_errands_send(arg);
}

struct cg_errands *cg_errands_new(struct cg_service *g,
                                  const struct cg_errand_kind *kind) {
  CG_CHECK(kind->calls <= CG_ERRANDS_CALLS && kind->per_call <= CG_ERRANDS_PER_CALL);
  struct cg_errands *q = cg_alloc(sizeof *q);
  if (!q) return NULL;
  q->g = g;
  q->kind = kind;
  q->window = kind->calls;
  for (size_t i = 0; i < CG_ERRANDS_CALLS; i++) q->batches[i].queue = q;
  q->turn = cg_turn_new(g->loop, next_turn, q);
  if (q->turn) return q;
  cg_free(q);
  return NULL;
}

static struct cg_errand *take_first(struct cg_list *list) {
  struct cg_errand *e = CG_CONTAINER(list->first, struct cg_errand, link);
  cg_list_remove(list, &e->link);
  return e;
}

static void errand_over(struct cg_errands *q, struct cg_errand *e) {
  struct cg_lease *l = e->lease;
  q->n--;
  if (l) {
    cg_lease_unref(l);
    return;
  }
  q->n_copies--;
  cg_free(e);
}

void cg_errands_free(struct cg_errands *q) {
  if (!q) return;
  cg_timer_stop(&q->patience.timer);
  cg_turn_free(q->turn);
  while (q->waiting.first) errand_over(q, take_first(&q->waiting));
  for (size_t i = 0; i < CG_ERRANDS_CALLS; i++)
    while (q->batches[i].items.first) errand_over(q, take_first(&q->batches[i].items));
  cg_free(q);
}

/* ---- one call ---- */

static bool may_send(const struct cg_errands *q) {
  return q->waiting.first && !q->patience.pausing && q->n_calls < q->window;
}

static void soon(struct cg_errands *q) {
  if (may_send(q)) cg_turn_soon(q->turn);
}

static void pause_over(void *arg) {
  struct cg_errands *q = arg;
  cg_patience_over(&q->patience);
  cg_errands_send(q);
}

static void failed(struct cg_errands *q, const char *text) {
  q->window = 1;
  if (!cg_patience_pause(&q->patience, q->g->loop, pause_over, q)) return;
  CG_LOG(q->g->log, CG_WARN, q->kind->trouble, {"count", NULL, (int64_t)q->n},
         {"error", text});
}

static void answered(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct batch *b = arg;
  struct cg_errands *q = b->queue;
  bool ok = code == CGP_OK || code == CGP_E_NOTFOUND;
  (void)result;
  while (b->items.first) {
    struct cg_errand *e = take_first(&b->items);
    if (ok)
      errand_over(q, e);
    else
      cg_list_add(&q->waiting, &e->link);
  }
  b->open = false;
  q->n_calls--;
  if (!ok) {
    failed(q, text);
    return;
  }
  cg_patience_reset(&q->patience);
  q->window = q->window * 2 < q->kind->calls ? q->window * 2 : q->kind->calls;
  soon(q);
}

static struct batch *free_batch(struct cg_errands *q) {
  struct batch *b = q->batches;
  while (b->open) b++;
  return b;
}

static void send_some(struct cg_errands *q) {
  struct cg_errand *items[CG_ERRANDS_PER_CALL];
  struct batch *b = free_batch(q);
  int64_t now = cg_service_now(q->g);
  size_t n = 0;
  while (q->waiting.first && n < q->kind->per_call) {
    struct cg_errand *e = take_first(&q->waiting);
    if (now >= e->until_us) {
      errand_over(q, e);
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

void cg_errands_send(struct cg_errands *q) {
  for (int i = 0; i < CALLS_A_TURN && may_send(q); i++) send_some(q);
  soon(q);
}

/* ---- into the queue ---- */

static void add(struct cg_errands *q, struct cg_errand *e) {
  cg_list_add(&q->waiting, &e->link);
  q->n++;
  soon(q);
}

void cg_errands_add(struct cg_errands *q, struct cg_lease *l, struct cg_errand *e,
                    const char *id, int64_t until_us) {
  *e = (struct cg_errand){
      .lease = cg_lease_ref(l), .id = id, .room = l->room, .until_us = until_us};
  add(q, e);
}

bool cg_errands_add_copy(struct cg_errands *q, const char *id, const char *room,
                         int64_t until_us) {
  size_t n_id = strlen(id) + 1, n_room = strlen(room) + 1;
  struct cg_errand *e =
      q->n_copies < COPIES_MAX ? cg_firm_alloc(sizeof *e + n_id + n_room) : NULL;
  if (!e) return false;
  char *text = (char *)(e + 1);
  e->id = memcpy(text, id, n_id);
  e->room = memcpy(text + n_id, room, n_room);
  e->until_us = until_us;
  q->n_copies++;
  add(q, e);
  return true;
}

size_t cg_errands_open(const struct cg_errands *q) {
  return q->patience.pausing ? 0 : q->n;
}
