#include "lease/gap.h"

#include "base/backoff.h"
#include "base/check.h"
#include "base/mem.h"
#include "lease/end.h"
#include "lease/holding.h"
#include "lease/turning.h"

#define LOOK_US    20000   /* whether all have their quota again */
#define AROUND_US  250000  /* whether a peer stood still */
#define PATIENT_US 2000000 /* for a worker that does not turn, and for the quota */

struct cg_gaps {
  struct cg_service *g;
  struct cg_on_gap on;
  uint64_t n;
  /* the quota, taken again by parts of the table: where the one that is asked for begins,
   * and the one behind it */
  size_t at, next;
  bool asking, again; /* again: from the first, there was one more gap */
  struct cg_backoff backoff;
  struct cg_timer turn;
  /* who waits until all workers are through */
  bool open;
  int64_t noticed_mono_us, patient_until_us; /* patient: of the loop's time */
  struct cg_list waiting;                    /* struct cg_gap_wait */
  struct cg_timer timer;
  struct cg_timer looking; /* whether a peer stood still */
};

/* ---- each lease ---- */

static bool is_settled(const struct cg_lease *l) {
  return l->state != CG_LEASE_ENDED && l->tier != CG_TIER_NONE;
}

static int64_t spared(const struct cg_service *g, struct cg_lease *l, int64_t gap_us) {
  if (l->gaps == CG_GAPS_MAX) return l->expires_mono_us;
  l->gaps++;
  bool whole = gap_us >= g->conf->beat_s * 1000000 && !l->spared;
  int64_t until = l->expires_mono_us + gap_us, lapses = cg_lease_lapses(g, l);
  if (whole) l->spared = true;
  return whole || until > lapses ? lapses : until;
}

static bool spare(struct cg_lease *l, void *arg) {
  const int64_t *gap_us = arg;
  struct cg_service *g = l->owner;
  if (l->state != CG_LEASE_ACTIVE) return true;
  l->expires_mono_us = spared(g, l, *gap_us);
  cg_lease_watch(g, l); /* the loop's time stood still, its hard end did not */
  return true;
}

/* ---- its place in the quota, a part of the table at a time ---- */

struct part {
  struct cgp_quota_hold *holds;
  struct cgp_scope *scopes;
  size_t n, n_scopes;
};

static bool measure(struct cg_lease *l, void *arg) {
  struct part *p = arg;
  if (!is_settled(l)) return true;
  p->n++;
  p->n_scopes += l->n_scopes;
  return true;
}

static bool put(struct cg_lease *l, void *arg) {
  struct part *p = arg;
  const struct cg_service *g = l->owner;
  if (!is_settled(l)) return true;
  struct cgp_scope *scopes = p->scopes + p->n_scopes;
  cg_holding_scopes(scopes, l->scopes, l->n_scopes);
  p->holds[p->n++] = cg_holding_of(g->conf, l->holding, l->tier, scopes, l->n_scopes);
  p->n_scopes += l->n_scopes;
  return true;
}

static void next_part(void *arg);

static void pause_over(void *arg) {
  struct cg_gaps *gaps = arg;
  cg_backoff_over(&gaps->backoff);
  next_part(gaps);
}

static void trouble(struct cg_gaps *gaps, const char *text) {
  struct cg_service *g = gaps->g;
  if (cg_backoff_pause(&gaps->backoff, g->loop, pause_over, gaps))
    CG_LOG(g->log, CG_WARN, "quota not taken again yet", {"error", text});
}

static void taken(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_gaps *gaps = arg;
  (void)result;
  gaps->asking = false;
  if (code != CGP_OK) {
    trouble(gaps, text);
    return;
  }
  cg_backoff_reset(&gaps->backoff);
  gaps->at = gaps->again ? 0 : gaps->next;
  gaps->again = false;
  cg_timer_start(&gaps->turn, gaps->g->loop, 0, next_part, gaps);
}

static void ask(struct cg_gaps *gaps, struct part *p) {
  size_t at = gaps->at;
  p->holds = cg_alloc(p->n * sizeof *p->holds + p->n_scopes * sizeof *p->scopes);
  if (!p->holds) {
    trouble(gaps, "no memory");
    return;
  }
  p->scopes = (struct cgp_scope *)(p->holds + p->n);
  p->n = p->n_scopes = 0;
  cg_leases_part(gaps->g->leases, &at, put, p);
  gaps->asking = true;
  cg_quota_restore(gaps->g->drivers, p->holds, p->n, taken, gaps);
  cg_free(p->holds);
}

static void look(void *arg);

static void next_part(void *arg) {
  struct cg_gaps *gaps = arg;
  struct part p = {.n = 0};
  size_t at = gaps->at;
  bool more = cg_leases_part(gaps->g->leases, &at, measure, &p);
  gaps->next = at;
  if (p.n > 0) {
    ask(gaps, &p);
  } else if (more) {
    gaps->at = at;
    cg_timer_start(&gaps->turn, gaps->g->loop, 0, next_part, gaps);
  } else {
    atomic_store(&gaps->g->regaining, false);
    look(gaps);
  }
}

/* ---- until all are through ---- */

static void wake_all(struct cg_gaps *gaps, bool ok) {
  struct cg_list all = gaps->waiting;
  gaps->waiting = (struct cg_list){NULL, NULL};
  while (all.first) {
    struct cg_gap_wait *w = CG_CONTAINER(all.first, struct cg_gap_wait, link);
    cg_list_remove(&all, &w->link);
    w->fn(w->arg, ok);
  }
}

static void look(void *arg) {
  struct cg_gaps *gaps = arg;
  struct cg_loop *loop = gaps->g->loop;
  if (!gaps->open) return;
  bool patient = cg_loop_now(loop) < gaps->patient_until_us;
  enum cg_turning worst = cg_turning_since(gaps->g, gaps->noticed_mono_us);
  gaps->open = worst == CG_ONE_REGAINS || (worst == CG_ONE_HANGS && patient);
  if (gaps->open) cg_timer_start(&gaps->timer, loop, LOOK_US, look, gaps);
  if (!gaps->open || !patient) wake_all(gaps, !gaps->open);
}

bool cg_gap_waits(struct cg_service *g, struct cg_gap_wait *w,
                  void (*fn)(void *arg, bool ok), void *arg) {
  if (!g->gaps->open) return false;
  w->fn = fn;
  w->arg = arg;
  cg_list_add(&g->gaps->waiting, &w->link);
  return true;
}

/* ---- a gap ---- */

static void regain(struct cg_gaps *gaps) {
  atomic_store(&gaps->g->regaining, true);
  gaps->at = 0;
  gaps->again = gaps->asking;
  if (!gaps->asking && !gaps->backoff.pausing) next_part(gaps);
}

static void go_through(struct cg_service *g, int64_t gap_us) {
  struct cg_gaps *gaps = g->gaps;
  gaps->n++;
  cg_leases_each(g->leases, spare, &gap_us);
  gaps->noticed_mono_us = cg_service_mono(g);
  gaps->patient_until_us = cg_loop_now(g->loop) + PATIENT_US;
  gaps->open = true;
  cg_timer_start(&gaps->timer, g->loop, LOOK_US, look, gaps);
  regain(gaps);
}

static void tell_peers(const struct cg_service *g, int64_t gap_us) {
  for (uint32_t i = 0; i < g->n_workers; i++)
    if (g->peers[i] != g) atomic_store(&g->peers[i]->gap_nearby_us, gap_us);
}

/* Not once more, when this worker stood still at that time, too. */
static void look_around(void *arg) {
  struct cg_gaps *gaps = arg;
  struct cg_service *g = gaps->g;
  int64_t gap_us = atomic_load(&g->gap_nearby_us);
  cg_timer_start(&gaps->looking, g->loop, AROUND_US, look_around, gaps);
  if (gap_us == 0) return;
  if (gaps->n == 0 || cg_service_mono(g) - gaps->noticed_mono_us > gap_us)
    go_through(g, gap_us);
  atomic_store(&g->gap_nearby_us, 0);
}

void cg_gap(struct cg_service *g, int64_t gap_us) {
  CG_LOG(g->log, CG_WARN, "the worker stood still", {"worker", NULL, g->worker},
         {"dur_ms", NULL, gap_us / 1000});
  cg_metric_add(g->metrics, g->worker, g->metric->gaps, 1);
  go_through(g, gap_us);
  tell_peers(g, gap_us);
}

uint64_t cg_gaps_so_far(const struct cg_service *g) {
  return g->gaps->n;
}

static void stood_still(void *arg, int64_t gap_us) {
  cg_gap(arg, gap_us);
}

/* ---- life ---- */

struct cg_gaps *cg_gaps_new(struct cg_service *g) {
  struct cg_gaps *gaps = cg_alloc(sizeof *gaps);
  if (!gaps) return NULL;
  gaps->g = g;
  cg_loop_on_gap(g->loop, &gaps->on, stood_still, g);
  cg_timer_start(&gaps->looking, g->loop, AROUND_US, look_around, gaps);
  return gaps;
}

void cg_gaps_stop(struct cg_gaps *gaps) {
  if (!gaps) return;
  cg_loop_off_gap(gaps->g->loop, &gaps->on);
  cg_timer_stop(&gaps->looking);
  cg_timer_stop(&gaps->timer);
  cg_timer_stop(&gaps->turn);
  cg_timer_stop(&gaps->backoff.timer);
  gaps->open = false;
  wake_all(gaps, false);
}

void cg_gaps_free(struct cg_gaps *gaps) {
  cg_gaps_stop(gaps);
  cg_free(gaps);
}
