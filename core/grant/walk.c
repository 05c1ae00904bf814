#include "grant/walk.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "grant/operations.h"
#include "lease/end.h"
#include "lease/home.h"

static void walk(struct cg_grant *g);

static const struct cg_step *row(const struct cg_grant *g) {
  return &g->walk.steps[g->walk.at];
}

static bool is_due(const struct cg_grant *g) {
  const struct cg_step *s = row(g);
  return (g->out.err.code == CG_OK || s->always) && (!s->needed || s->needed(g));
}

/* ---- between origin and home ---- */

static struct cg_service *place_of(const struct cg_grant *g) {
  const struct cg_step *s = row(g);
  return s->name && !s->origin ? g->walk.home : g->walk.origin;
}

/* Home may have closed: when a stop runs out of time, services end before the mail. */
static void arrive(void *arg) {
  static const struct cg_step none[] = {{.name = NULL}};
  struct cg_grant *g = arg;
  if (g->walk.here == g->walk.home && cg_service_closed(g->walk.home)) {
    cg_fail(&g->out.err, CG_E_UNAVAILABLE, "the gate is stopping");
    g->walk.steps = none;
    g->walk.at = 0;
  }
  walk(g);
}

static void travel(struct cg_grant *g, struct cg_service *to) {
  g->walk.here = to;
  cg_loop_send(to->loop, &g->walk.mail, arrive, g);
}

/* ---- one row after another ---- */

static void finish(struct cg_grant *g) {
  struct cg_service *origin = g->walk.origin;
  struct cg_arena *arena = g->walk.arena;
  struct cg_identity *identity = g->walk.identity;
  cg_metric_observe_us(origin->metrics, origin->worker, origin->metric->seconds,
                       cg_loop_now(origin->loop) - g->walk.began_us);
  origin->in_flight--;
  g->walk.fn(g->walk.arg, g);
  cg_arena_free(arena, origin->pool);
  cg_identity_unref(identity);
}

/* From the first step at home on, steps have an arena, but those that run always. */
static void run(struct cg_grant *g, const struct cg_step *s) {
  struct cg_walk *w = &g->walk;
  w->turn = CG_IN_STEP;
  if (!w->arena && !s->origin && !s->always)
    w->arena = cg_arena_new(w->here->pool, (size_t)w->here->conf->arena_bytes);
  if (w->arena || s->origin || s->always)
    s->run(g);
  else
    cg_step_no_memory(g);
}

static void walk(struct cg_grant *g) {
  struct cg_walk *w = &g->walk;
  for (;;) {
    while (row(g)->name && !is_due(g)) w->at++;
    struct cg_service *place = place_of(g);
    if (place != w->here) {
      travel(g, place);
      return;
    }
    if (!row(g)->name) {
      finish(g);
      return;
    }
    run(g, row(g));
    if (w->turn == CG_IN_STEP) {
      w->turn = CG_AT_REST;
      return;
    }
  }
}

/* ---- how a step ends ---- */

static void go_on(struct cg_grant *g) {
  if (g->walk.turn == CG_IN_STEP)
    g->walk.turn = CG_STEP_OVER;
  else
    walk(g);
}

void cg_step_done(struct cg_grant *g) {
  g->walk.at++;
  go_on(g);
}

void cg_step_branch(struct cg_grant *g) {
  g->walk.steps = row(g)->branch;
  g->walk.at = 0;
  go_on(g);
}

static void undo_and_go_on(struct cg_grant *g) {
  for (size_t i = g->walk.at + 1; i-- > 0;)
    if (g->walk.steps[i].undo) g->walk.steps[i].undo(g);
  cg_step_done(g);
}

static void fail_with(struct cg_grant *g, enum cg_code code, const char *fmt,
                      va_list ap) {
  cg_failv(&g->out.err, code, fmt, ap);
  undo_and_go_on(g);
}

void cg_step_fail(struct cg_grant *g, enum cg_code code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fail_with(g, code, fmt, ap);
  va_end(ap);
}

static void note_over(struct cg_grant *g) {
  const struct cg_lease *l = g->walk.lease;
  const char *copy = cg_arena_strdup(g->walk.arena, l->ended_reason);
  g->out.over = true;
  g->out.ended_by = l->ended_by;
  g->out.ended_reason = copy ? copy : "";
}

void cg_step_refuse(struct cg_grant *g, enum cg_code code, const char *why,
                    const char *fmt, ...) {
  if (cg_operations[g->in.op].refusal_ends) {
    cg_lease_end(g->walk.home, g->walk.lease, CG_ENDED_REVOKED, why, NULL, NULL);
    note_over(g);
    code = CG_E_GONE;
  }
  va_list ap;
  va_start(ap, fmt);
  fail_with(g, code, fmt, ap);
  va_end(ap);
}

void cg_step_fail_over(struct cg_grant *g) {
  note_over(g);
  cg_step_fail(g, CG_E_GONE, "this lease is over: %s",
               cg_ended_by_name(g->walk.lease->ended_by));
}

void cg_step_fail_call(struct cg_grant *g, const char *what, enum cgp_code code,
                       const char *text) {
  cg_step_fail(g, cg_trouble_of(code), "%s: %s", what, text);
}

void cg_step_no_memory(struct cg_grant *g) {
  cg_step_fail(g, CG_E_MEMORY, "the gate has no memory left for this request");
}

/* ---- the walk's two ends ---- */

void cg_grant_start(struct cg_service *origin, struct cg_grant *g, cg_grant_fn *fn,
                    void *arg) {
  g->out = (struct cg_grant_out){.decision_id = "",
                                 .rule = "",
                                 .reason = "",
                                 .scope = "",
                                 .policy_revision = "",
                                 .ended_reason = "",
                                 .camera_id = g->in.camera,
                                 .tier = CG_TIER_NONE};
  g->walk = (struct cg_walk){.steps = cg_operations[g->in.op].steps,
                             .origin = origin,
                             .home = origin,
                             .here = origin,
                             .fn = fn,
                             .arg = arg,
                             .began_us = cg_loop_look(origin->loop),
                             .fingerprint = ""};
  origin->in_flight++;
  walk(g);
}

static void end_abandoned(struct cg_service *home, struct cg_lease *l, void *arg) {
  if (l)
    cg_lease_end(home, l, CG_ENDED_RELEASED, "the client left before the reply", NULL,
                 NULL);
  cg_free(arg);
}

void cg_grant_abandon(struct cg_grant *g) {
  if (g->in.op != CG_RESERVE || g->out.err.code != CG_OK || *g->in.key) return;
  struct cg_home_call *call = cg_firm_alloc(sizeof *call);
  if (call) cg_home_do(g->walk.origin, call, g->out.lease_id, end_abandoned, call);
}
