#include "lease/end.h"

#include "base/mem.h"
#include "lease/end_log.h"
#include "lease/end_rows.h"
#include "lease/holding.h"
#include "lease/retry.h"
#include "lease/rooms.h"
#include "lease/turning.h"

#define LOOK_AGAIN_US 250000

struct cg_endings {
  struct cg_retries *quota, *room;
  struct cg_end_rows *rows;
  struct cg_end_log log;
};

/* ---- what is asked of plugins ---- */

static void release(struct cg_service *g, struct cg_retry *const *items, size_t n,
                    cg_call_fn *fn, void *arg) {
  const char *ids[CG_RETRIES_PER_CALL];
  for (size_t i = 0; i < n; i++) ids[i] = items[i]->id;
  cg_quota_release(g->drivers, ids, n, fn, arg);
}

static void remove_one(struct cg_service *g, struct cg_retry *const *items, size_t n,
                       cg_call_fn *fn, void *arg) {
  (void)n;
  cg_room_remove(g->drivers, items[0]->room, items[0]->id, fn, arg);
}

static const struct cg_retry_kind giving_back = {.trouble = "quota not given back yet",
                                                 .per_call = CG_RETRIES_PER_CALL,
                                                 .calls = 8,
                                                 .send = release};
static const struct cg_retry_kind putting_out = {.trouble =
                                                     "participants not removed yet",
                                                 .per_call = 1,
                                                 .calls = CG_RETRIES_CALLS,
                                                 .send = remove_one};

struct cg_endings *cg_endings_new(struct cg_service *g) {
  struct cg_endings *e = cg_alloc(sizeof *e);
  if (!e) return NULL;
  e->log.g = g;
  e->quota = cg_retries_new(g, &giving_back);
  e->room = cg_retries_new(g, &putting_out);
  e->rows = e->quota ? cg_end_rows_new(g, e->quota) : NULL;
  if (e->rows && e->room) return e;
  cg_endings_free(e);
  return NULL;
}

void cg_endings_free(struct cg_endings *e) {
  if (!e) return;
  cg_end_log_stop(&e->log);
  cg_end_rows_free(e->rows);
  cg_retries_free(e->quota);
  cg_retries_free(e->room);
  cg_free(e);
}

size_t cg_endings_open(const struct cg_endings *e) {
  return cg_end_rows_open(e->rows) + cg_retries_open(e->quota) + cg_retries_open(e->room);
}

/* ---- with no lease that has ended ---- */

static int64_t in_s(const struct cg_service *g, int64_t s) {
  return cg_service_mono(g) + s * 1000000;
}

void cg_give_back(struct cg_service *g, const char *holding) {
  if (!cg_retries_add_copy(g->endings->quota, holding, "",
                           in_s(g, cg_holding_s(g->conf))))
    CG_LOG(g->log, CG_ERROR, "no memory to give back quota: it lapses by itself",
           {"lease_id", holding});
}

void cg_put_out(struct cg_service *g, const char *room, const char *identity) {
  if (!cg_retries_add_copy(g->endings->room, identity, room, in_s(g, g->conf->token_s)))
    CG_LOG(g->log, CG_ERROR, "no memory to remove a participant", {"lease_id", identity});
}

/* ---- the end ---- */

static void forget(void *arg) {
  struct cg_lease *l = arg;
  cg_lease_drop(((struct cg_service *)l->owner)->leases, l);
}

static void bury(struct cg_service *g, struct cg_lease *l, enum cg_ended_by by,
                 const char *reason) {
  cg_rooms_leave(l);
  cg_lease_bury(g->leases, l, by, reason);
  cg_timer_start(&l->timer, g->loop, CG_TOMBSTONE_US, forget, l);
}

void cg_lease_end(struct cg_service *g, struct cg_lease *l, enum cg_ended_by by,
                  const char *reason, void (*fn)(void *arg, bool recorded), void *arg) {
  if (l->state == CG_LEASE_ENDED) {
    if (fn) fn(arg, true);
    return;
  }
  bury(g, l, by, reason);
  cg_metric_add(g->metrics, g->worker, g->metric->live, -1);
  cg_metric_add(g->metrics, g->worker, g->metric->ended[by], 1);
  cg_end_log_add(&g->endings->log, l);
  cg_end_rows_add(g->endings->rows, l, !l->holding_moved, fn, arg);
  cg_retries_add(g->endings->room, l, &l->putting_out, l->id, in_s(g, g->conf->token_s));
}

void cg_record_undone(struct cg_service *g, struct cg_lease *l) {
  bury(g, l, CG_ENDED_REVOKED, "the grant was undone before its reply");
  cg_end_rows_add(g->endings->rows, l, false, NULL, NULL);
}

/* While a worker stands still beats may wait for it, but nothing moves its hard end. */
static bool may_beat(const struct cg_service *g, const struct cg_lease *l) {
  return l->gaps < CG_GAPS_MAX && !cg_all_turn(g);
}

/* A beat moved its end since the timer was set: look, and set it again. */
static void look(void *arg) {
  struct cg_lease *l = arg;
  struct cg_service *g = l->owner;
  int64_t now = cg_service_mono(g);
  bool time_is_up = now >= l->ends_mono_us;
  if (now < l->expires_mono_us)
    cg_lease_watch(g, l);
  else if (!time_is_up && may_beat(g, l))
    cg_timer_start(&l->timer, g->loop, LOOK_AGAIN_US, look, l);
  else
    cg_lease_end(g, l, CG_ENDED_EXPIRED, time_is_up ? "its time was up" : "no heartbeat",
                 NULL, NULL);
}

int64_t cg_lease_lapses(const struct cg_service *g, const struct cg_lease *l) {
  int64_t lapses = in_s(g, g->conf->lapse_s);
  return lapses < l->ends_mono_us ? lapses : l->ends_mono_us;
}

void cg_lease_watch(struct cg_service *g, struct cg_lease *l) {
  int64_t left = l->expires_mono_us - cg_service_mono(g);
  cg_timer_start(&l->timer, g->loop, left > 1000 ? left : 1000, look, l);
}
