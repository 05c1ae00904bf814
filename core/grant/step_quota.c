/* The step "quota": a place in every scope, taken by a reserve, kept by a heartbeat. */
#include <string.h>

#include "grant/quality.h"
#include "grant/step.h"
#include "lease/end.h"
#include "lease/holding.h"

static struct cgp_scope *scopes_of(struct cg_grant *g) {
  const struct cg_verdict *v = g->out.verdict;
  struct cgp_scope *s = cg_arena_alloc(g->walk.arena, (v->n_scopes + 1) * sizeof *s);
  if (s) cg_holding_scopes(s, v->scopes, v->n_scopes);
  return s;
}

/* ---- reserve ---- */

struct conflicts {
  struct cg_grant *g;
  const struct cgp_quota_verdict *verdict;
  const char **ids;
  size_t n;
};

#define CONFLICTS_MAX 32

/* A quota that names all holders knows better than the lease what it holds. */
static bool holds_still(const struct cg_lease *l, const struct cgp_quota_verdict *v) {
  if (v->n_holders == 0 || v->n_holders == CGP_HOLDERS_MAX) return true;
  for (size_t i = 0; i < v->n_holders; i++)
    if (strcmp(v->holders[i], l->holding) == 0) return true;
  return false;
}

/* The caller's own alone: others' leases are nothing to it. */
static bool note_conflict(struct cg_lease *l, void *arg) {
  struct conflicts *c = arg;
  if (l->state == CG_LEASE_ACTIVE && cg_lease_holds(l, c->g->out.scope) &&
      holds_still(l, c->verdict) &&
      (c->ids[c->n] = cg_arena_strdup(c->g->walk.arena, l->id)))
    c->n++;
  return c->n == CONFLICTS_MAX;
}

static void full(struct cg_grant *g, const struct cgp_quota_verdict *v) {
  struct conflicts c = {.g = g,
                        .verdict = v,
                        .ids =
                            cg_arena_alloc(g->walk.arena, CONFLICTS_MAX * sizeof *c.ids)};
  const char *scope = cg_arena_strdup(g->walk.arena, v->scope);
  if (!c.ids || !scope) {
    cg_step_no_memory(g);
    return;
  }
  g->out.scope = scope;
  g->out.limit = v->limit;
  g->out.in_use = v->in_use;
  cg_lease_of(g->walk.home->leases, g->walk.subject.id, note_conflict, &c);
  g->out.conflicts = (struct cg_strings){.items = c.ids, .n = c.n};
  g->out.reason = cg_arena_printf(g->walk.arena, "%s is full", scope);
  if (!g->out.reason) g->out.reason = "quota full";
  cg_step_refuse(g, CG_E_QUOTA, g->out.reason, "%s is full: %llu in use of %llu", scope,
                 (unsigned long long)v->in_use, (unsigned long long)v->limit);
}

/* The holding is the old lease's again; it may have ended while it was not. */
static void hand_back(struct cg_grant *g) {
  struct cg_lease *l = g->walk.taken_over;
  if (!l) return;
  l->holding_moved = false;
  if (l->state == CG_LEASE_ENDED) cg_give_back(g->walk.home, l->holding);
}

static void ask(struct cg_grant *g);

/* What was taken before the gap may have lapsed in it. */
static bool stood_still_since(const struct cg_grant *g) {
  return g->walk.gaps != cg_gaps_so_far(g->walk.home);
}

static void reserved(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_grant *g = arg;
  const struct cgp_quota_verdict *v = result;
  if (code != CGP_OK) {
    cg_step_fail_call(g, "quota", code, text);
    return;
  }
  if (!v->granted) {
    g->walk.quota_taken = false;
    hand_back(g);
    full(g, v);
    return;
  }
  if (stood_still_since(g)) {
    ask(g);
    return;
  }
  int top = cg_quality_top(g);
  if (v->rung > (size_t)top) {
    cg_step_fail(g, CG_E_INTERNAL, "the quota granted a tier that nobody asked for");
    return;
  }
  g->out.tier = top - (int)v->rung;
  cg_step_done(g);
}

static void ask_now(struct cg_grant *g) {
  uint32_t ladder[CG_TIERS_MAX];
  size_t n = 0;
  for (int t = cg_quality_top(g); t >= 0; t--)
    ladder[n++] = g->walk.home->conf->tiers.items[t].kbps;
  struct cgp_quota_reserve r = {.lease_id = g->walk.lease->holding,
                                .scopes = scopes_of(g),
                                .n_scopes = g->out.verdict->n_scopes,
                                .ladder_kbps = ladder,
                                .n_ladder = n,
                                .ttl_ms = cg_holding_ms(g->walk.home->conf),
                                .priority = g->out.verdict->priority};
  if (!r.scopes) {
    cg_step_no_memory(g);
    return;
  }
  g->walk.gaps = cg_gaps_so_far(g->walk.home);
  cg_quota_reserve(g->walk.home->drivers, &r, reserved, g);
}

/* true: fn goes on, or the step fails, when all workers have their quota again. */
static bool waits(struct cg_grant *g, void (*fn)(void *arg, bool ok)) {
  return cg_gap_waits(g->walk.home, &g->walk.quota_wait, fn, g);
}

static void not_taken_again(struct cg_grant *g) {
  cg_step_fail(g, CG_E_UNAVAILABLE,
               "the gate stood still, and has not taken its quota again yet");
}

static void may_ask(void *arg, bool ok) {
  if (ok)
    ask_now(arg);
  else
    not_taken_again(arg);
}

static void ask(struct cg_grant *g) {
  g->walk.quota_taken = true;
  /* from now on: ending meanwhile, the old lease must not give it back */
  if (g->walk.taken_over) g->walk.taken_over->holding_moved = true;
  if (!waits(g, may_ask)) ask_now(g);
}

void cg_step_reserve(struct cg_grant *g) {
  if (g->walk.n_replaced > 0 && g->walk.replaced[0]->state == CG_LEASE_ACTIVE) {
    g->walk.taken_over = cg_lease_ref(g->walk.replaced[0]);
    memcpy(g->walk.lease->holding, g->walk.taken_over->holding,
           sizeof g->walk.lease->holding);
  }
  ask(g);
}

static void as_before(void *arg, enum cgp_code code, const void *result,
                      const char *text) {
  struct cg_service *h = arg;
  (void)result;
  if (code != CGP_OK)
    CG_LOG(h->log, CG_WARN, "quota not as before; the next beat renews it",
           {"error", text});
}

/* As the lease that holds it has it. */
static void hold_as_before(struct cg_grant *g, const struct cg_lease *l) {
  struct cgp_scope scopes[CG_SCOPES_MAX];
  cg_holding_scopes(scopes, l->scopes, l->n_scopes);
  struct cgp_quota_hold hold =
      cg_holding_of(g->walk.home->conf, l->holding, l->tier, scopes, l->n_scopes);
  cg_quota_renew(g->walk.home->drivers, &hold, as_before, g->walk.home);
}

void cg_undo_reserve(struct cg_grant *g) {
  if (!g->walk.quota_taken) return;
  g->walk.quota_taken = false;
  if (g->walk.taken_over) g->walk.taken_over->holding_moved = false;
  if (g->walk.taken_over && g->walk.taken_over->state == CG_LEASE_ACTIVE)
    hold_as_before(g, g->walk.taken_over);
  else
    cg_give_back(g->walk.home, g->walk.lease->holding);
}

/* ---- heartbeat ---- */

static void renewed(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_grant *g = arg;
  const struct cgp_quota_renewed *r = result;
  if (code != CGP_OK)
    cg_step_fail_call(g, "quota", code, text);
  else if (!r->known)
    ask(g); /* the quota lost it: take it again */
  else
    cg_step_done(g);
}

static void renew_now(struct cg_grant *g) {
  g->out.tier = cg_quality_top(g);
  struct cgp_quota_hold hold =
      cg_holding_of(g->walk.home->conf, g->walk.lease->holding, g->out.tier, scopes_of(g),
                    g->out.verdict->n_scopes);
  if (!hold.scopes) {
    cg_step_no_memory(g);
    return;
  }
  g->walk.quota_taken = true;
  cg_quota_renew(g->walk.home->drivers, &hold, renewed, g);
}

static void may_renew(void *arg, bool ok) {
  if (ok)
    renew_now(arg);
  else
    not_taken_again(arg);
}

void cg_step_renew(struct cg_grant *g) {
  if (g->walk.lease->giving_way)
    cg_step_fail(g, CG_E_CONFLICT, "another request of yours replaces this lease");
  else if (!waits(g, may_renew))
    renew_now(g);
}

/* Back to the terms the lease had; nothing, when it ended meanwhile. */
void cg_undo_renew(struct cg_grant *g) {
  if (!g->walk.quota_taken) return;
  g->walk.quota_taken = false;
  if (g->walk.lease->state == CG_LEASE_ACTIVE)
    hold_as_before(g, g->walk.lease);
  else
    cg_give_back(g->walk.home, g->walk.lease->holding);
}
