#include "lease/end.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lease/row.h"

#define FIRST_WAIT_US (250 * INT64_C(1000))
#define LAST_WAIT_US  (10 * INT64_C(1000000))

/* Something that has to succeed in the end, with growing pauses between attempts. */
struct ending {
  struct cg_service *g;
  struct cg_lease *lease; /* recording: one reference */
  char room[CG_ROOM_MAX], identity[CG_ID_LEN + 1];
  int64_t wait_us, until_us; /* until: wall; 0 = for ever */
  void (*attempt)(struct ending *e);
  const char *trouble; /* in words */
  void (*fn)(void *arg, bool recorded);
  void *arg;
  struct cg_timer timer;
  struct ending *next, **link;
};

struct cg_endings {
  struct ending *first;
  size_t n;
};

struct cg_endings *cg_endings_new(void) {
  return cg_alloc(sizeof(struct cg_endings));
}

static void end_over(struct ending *e) {
  *e->link = e->next;
  if (e->next) e->next->link = e->link;
  e->g->endings->n--;
  cg_timer_stop(&e->timer);
  cg_lease_unref(e->lease);
  cg_free(e);
}

void cg_endings_free(struct cg_endings *ends) {
  while (ends && ends->first) end_over(ends->first);
  cg_free(ends);
}

static struct ending *ending_new(struct cg_service *g, void (*attempt)(struct ending *)) {
  struct ending *e = g->endings->n < CG_ENDINGS_MAX ? cg_firm_alloc(sizeof *e) : NULL;
  if (!e) return NULL;
  e->g = g;
  e->attempt = attempt;
  e->wait_us = FIRST_WAIT_US;
  e->link = &g->endings->first;
  e->next = *e->link;
  if (e->next) e->next->link = &e->next;
  *e->link = e;
  g->endings->n++;
  return e;
}

static void again(void *arg) {
  struct ending *e = arg;
  e->attempt(e);
}

/* false: time is up. */
static bool later(struct ending *e) {
  if (e->until_us && cg_service_now(e->g) >= e->until_us) return false;
  int64_t wait = e->wait_us;
  e->wait_us = wait * 2 < LAST_WAIT_US ? wait * 2 : LAST_WAIT_US;
  cg_timer_start(&e->timer, e->g->loop, wait, again, e);
  return true;
}

/* ---- the record ---- */

static void tell(struct ending *e, bool recorded) {
  void (*fn)(void *, bool) = e->fn;
  e->fn = NULL;
  if (fn) fn(e->arg, recorded);
}

static void recorded(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct ending *e = arg;
  struct cg_service *g = e->g;
  (void)result;
  if (code == CGP_OK) {
    cg_metric_add(g->metrics, g->worker, g->metric->unrecorded, -1);
    tell(e, true);
    end_over(e);
    return;
  }
  CG_LOG(g->log, CG_ERROR, "the end of a lease is not recorded yet",
         {"lease_id", e->lease->id}, {"error", text});
  tell(e, false);
  if (!later(e)) end_over(e);
}

static void record(struct ending *e) {
  struct cg_buf facts;
  cg_buf_init(&facts, CG_FACTS_MAX);
  struct cgp_audit_row row = cg_row_of_lease(e->g, "end", e->lease, &facts);
  if (!cg_buf_ok(&facts)) row.facts = "{}";
  cg_audit_append(e->g->drivers, &row, 1, recorded, e);
  cg_buf_done(&facts);
}

static void start_record(struct cg_service *g, struct cg_lease *l,
                         void (*fn)(void *arg, bool recorded), void *arg) {
  struct ending *e = ending_new(g, record);
  cg_metric_add(g->metrics, g->worker, g->metric->unrecorded, 1);
  if (!e) {
    CG_LOG(g->log, CG_ERROR, "no memory to record the end of a lease",
           {"lease_id", l->id});
    if (fn) fn(arg, false);
    return;
  }
  e->lease = cg_lease_ref(l);
  e->fn = fn;
  e->arg = arg;
  record(e);
}

/* ---- the room and the quota ---- */

static void tried(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct ending *e = arg;
  (void)result;
  if (code != CGP_OK && code != CGP_E_NOTFOUND) {
    CG_LOG(e->g->log, CG_WARN, e->trouble, {"lease_id", e->identity}, {"error", text});
    if (later(e)) return;
  }
  end_over(e);
}

static void put_out(struct ending *e) {
  e->trouble = "participant not removed yet";
  cg_room_remove(e->g->drivers, e->room, e->identity, tried, e);
}

static void give_back(struct ending *e) {
  e->trouble = "quota not given back yet";
  cg_quota_release(e->g->drivers, (const char *[]){e->identity}, 1, tried, e);
}

static void tried_once(void *arg, enum cgp_code code, const void *result,
                       const char *text) {
  struct cg_service *g = arg;
  (void)result;
  if (code != CGP_OK)
    CG_LOG(g->log, CG_ERROR, "quota not given back: it lapses by itself",
           {"error", text});
}

void cg_give_back(struct cg_service *g, const char *holding) {
  struct ending *e = ending_new(g, give_back);
  if (!e) {
    cg_quota_release(g->drivers, &holding, 1, tried_once, g);
    return;
  }
  snprintf(e->identity, sizeof e->identity, "%s", holding);
  e->until_us = cg_service_now(g) + (g->conf->lapse_s + g->conf->beat_s) * 1000000;
  give_back(e);
}

void cg_put_out(struct cg_service *g, const char *room, const char *identity) {
  struct ending *e = ending_new(g, put_out);
  if (!e) {
    CG_LOG(g->log, CG_ERROR, "no memory to remove a participant", {"lease_id", identity});
    return;
  }
  snprintf(e->room, sizeof e->room, "%s", room);
  snprintf(e->identity, sizeof e->identity, "%s", identity);
  e->until_us = cg_service_now(g) + g->conf->token_s * 1000000;
  put_out(e);
}

/* ---- the end ---- */

static void forget(void *arg) {
  struct cg_lease *l = arg;
  cg_lease_drop(((struct cg_service *)l->owner)->leases, l);
}

static void bury(struct cg_service *g, struct cg_lease *l, enum cg_ended_by by,
                 const char *reason) {
  cg_lease_bury(g->leases, l, by, reason);
  cg_timer_start(&l->timer, g->loop, CG_TOMBSTONE_US, forget, l);
}

void cg_lease_end(struct cg_service *g, struct cg_lease *l, enum cg_ended_by by,
                  const char *reason, void (*fn)(void *arg, bool recorded), void *arg) {
  if (l->state == CG_LEASE_ENDED) {
    if (fn) fn(arg, true);
    return;
  }
  cg_lease_ref(l);
  bury(g, l, by, reason);
  cg_metric_add(g->metrics, g->worker, g->metric->live, -1);
  cg_metric_add(g->metrics, g->worker, g->metric->ended[by], 1);
  CG_LOG(g->log, CG_INFO, "lease ended", {"lease_id", l->id}, {"subject", l->subject},
         {"camera", l->camera}, {"by", cg_ended_by_name(by)},
         {"reason", l->ended_reason});
  start_record(g, l, fn, arg);
  if (!l->holding_moved) cg_give_back(g, l->holding);
  cg_put_out(g, l->room, l->id);
  cg_lease_unref(l);
}

void cg_record_undone(struct cg_service *g, struct cg_lease *l) {
  cg_lease_ref(l);
  bury(g, l, CG_ENDED_REVOKED, "the grant was undone before its reply");
  start_record(g, l, NULL, NULL);
  cg_lease_unref(l);
}

/* The clocks moved since the timer was set: look, and set it again. */
static void look(void *arg) {
  struct cg_lease *l = arg;
  struct cg_service *g = l->owner;
  if (cg_service_now(g) < l->expires_us)
    cg_lease_watch(g, l);
  else
    cg_lease_end(g, l, CG_ENDED_EXPIRED,
                 l->expires_us >= l->ends_us ? "its time was up" : "no heartbeat", NULL,
                 NULL);
}

void cg_lease_watch(struct cg_service *g, struct cg_lease *l) {
  int64_t left = l->expires_us - cg_service_now(g);
  cg_timer_start(&l->timer, g->loop, left > 1000 ? left : 1000, look, l);
}
