/* The steps reserve and renew: places in the quota, and the tier they are for. */
#include <stdio.h>
#include <string.h>

#include "grant/step.h"
#include "lease/end.h"

static struct cgp_scope *scopes_of(struct cg_grant *g) {
  const struct cg_verdict *v = g->verdict;
  struct cgp_scope *s = cg_arena_alloc(g->arena, (v->n_scopes + 1) * sizeof *s);
  for (size_t i = 0; s && i < v->n_scopes; i++)
    s[i] = CGP_MAKE(cgp_scope, .name = v->scopes[i].name, .limit = v->scopes[i].limit,
                    .weighted = v->scopes[i].weighted);
  return s;
}

static uint32_t ttl_ms(const struct cg_grant *g) {
  return (uint32_t)(g->home->conf->lapse_s + g->home->conf->beat_s) * 1000;
}

/* ---- reserve ---- */

/* The best tier to ask for: what was asked, what is allowed; a beat never climbs. */
static int top_tier(const struct cg_grant *g) {
  int top = g->verdict->max;
  int asked = g->op == CG_HEARTBEAT ? g->lease->tier : g->in.quality;
  return asked != CG_TIER_NONE && asked < top ? asked : top;
}

struct conflicts {
  struct cg_grant *g;
  const char **ids;
  size_t n;
};

#define CONFLICTS_MAX 32

static bool note_conflict(struct cg_lease *l, void *arg) {
  struct conflicts *c = arg;
  if (l->state == CG_LEASE_ACTIVE && cg_lease_holds(l, c->g->scope) &&
      (c->ids[c->n] = cg_arena_strdup(c->g->arena, l->id)))
    c->n++;
  return c->n == CONFLICTS_MAX;
}

static void full(struct cg_grant *g, const struct cgp_quota_verdict *v) {
  struct conflicts c = {.g = g,
                        .ids = cg_arena_alloc(g->arena, CONFLICTS_MAX * sizeof *c.ids)};
  const char *scope = cg_arena_strdup(g->arena, v->scope);
  if (!c.ids || !scope) {
    cg_step_no_memory(g);
    return;
  }
  g->scope = scope;
  g->limit = v->limit;
  g->in_use = v->in_use;
  cg_lease_of(g->home->leases, g->subject.id, note_conflict, &c);
  g->conflicts = (struct cg_strings){.items = c.ids, .n = c.n};
  g->reason = cg_arena_printf(g->arena, "%s is full", scope);
  if (!g->reason) g->reason = "quota full";
  if (g->op == CG_HEARTBEAT) {
    cg_lease_end(g->home, g->lease, CG_ENDED_REVOKED, g->reason, NULL, NULL);
    cg_note_over(g);
  }
  cg_step_fail(g, g->op == CG_HEARTBEAT ? CG_E_GONE : CG_E_QUOTA,
               "%s is full: %llu in use of %llu", scope, (unsigned long long)v->in_use,
               (unsigned long long)v->limit);
}

static bool explain_quality(struct cg_grant *g, int top) {
  const struct cg_tiers *t = &g->home->conf->tiers;
  const char **why = cg_arena_alloc(g->arena, 2 * sizeof *why);
  int wished = g->in.quality != CG_TIER_NONE ? g->in.quality : t->n - 1;
  if (!why) return false;
  g->why = (struct cg_strings){.items = why, .n = 0};
  if (top < wished)
    why[g->why.n++] = cg_arena_printf(g->arena, "policy %s allows at most %s",
                                      g->verdict->max_rule, cg_tier_name(t, top));
  if (g->tier < top)
    why[g->why.n++] = cg_arena_printf(g->arena, "the quota has no room for %s now",
                                      cg_tier_name(t, top));
  for (size_t i = 0; i < g->why.n; i++)
    if (!why[i]) return false;
  return true;
}

static bool settle_terms(struct cg_grant *g) {
  struct cg_lease *l = g->lease;
  char room[CG_ROOM_MAX];
  cg_lease_room(&g->home->conf->tiers, l->camera, g->tier, room);
  g->room = cg_arena_strdup(g->arena, room);
  if (!g->room) return false;
  if (g->op == CG_HEARTBEAT) return true;
  memcpy(l->room, room, sizeof room);
  l->tier = g->tier;
  l->ends_us = g->ends_us;
  l->expires_us = g->expires_us;
  return explain_quality(g, top_tier(g)) &&
         cg_lease_set_scopes(l, g->verdict->scopes, g->verdict->n_scopes);
}

static void compare_terms(struct cg_grant *g) {
  const struct cg_lease *l = g->lease;
  g->scopes_changed = !cg_lease_same_scopes(l, g->verdict->scopes, g->verdict->n_scopes);
  g->ends_changed = g->ends_us != l->ends_us;
  g->identity_changed = !cg_identity_same(l->identity, g->identity);
  g->changed = g->tier != l->tier || l->room_gone;
}

/* The holding is the old lease's again; it may have ended while it was not. */
static void hand_back(struct cg_grant *g) {
  struct cg_lease *l = g->taken_over;
  if (!l) return;
  l->holding_moved = false;
  if (l->state == CG_LEASE_ENDED) cg_give_back(g->home, l->holding);
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
    g->quota_taken = false;
    hand_back(g);
    full(g, v);
    return;
  }
  int top = top_tier(g);
  if (v->rung > (size_t)top) {
    cg_step_fail(g, CG_E_INTERNAL, "the quota granted a tier that nobody asked for");
    return;
  }
  g->tier = top - (int)v->rung;
  if (!settle_terms(g)) {
    cg_step_no_memory(g);
    return;
  }
  if (g->op == CG_HEARTBEAT) compare_terms(g);
  cg_step_done(g);
}

static void ask(struct cg_grant *g) {
  uint32_t ladder[CG_TIERS_MAX];
  size_t n = 0;
  for (int t = top_tier(g); t >= 0; t--) ladder[n++] = g->home->conf->tiers.items[t].kbps;
  struct cgp_quota_reserve r = {.lease_id = g->lease->holding,
                                .scopes = scopes_of(g),
                                .n_scopes = g->verdict->n_scopes,
                                .ladder_kbps = ladder,
                                .n_ladder = n,
                                .ttl_ms = ttl_ms(g)};
  if (!r.scopes) {
    cg_step_no_memory(g);
    return;
  }
  g->quota_taken = true;
  /* from now on: ending meanwhile, the old lease must not give it back */
  if (g->taken_over) g->taken_over->holding_moved = true;
  cg_quota_reserve(g->home->drivers, &r, reserved, g);
}

void cg_step_reserve(struct cg_grant *g) {
  if (g->replayed) {
    g->room = cg_arena_strdup(g->arena, g->lease->room);
    if (g->room)
      cg_step_done(g);
    else
      cg_step_no_memory(g);
    return;
  }
  if (g->n_replaced > 0 && g->replaced[0]->state == CG_LEASE_ACTIVE) {
    g->taken_over = cg_lease_ref(g->replaced[0]);
    memcpy(g->lease->holding, g->taken_over->holding, sizeof g->lease->holding);
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
  for (size_t i = 0; i < l->n_scopes; i++)
    scopes[i] = CGP_MAKE(cgp_scope, .name = l->scopes[i].name,
                         .limit = l->scopes[i].limit, .weighted = l->scopes[i].weighted);
  struct cgp_quota_hold hold = {.lease_id = l->holding,
                                .scopes = scopes,
                                .n_scopes = l->n_scopes,
                                .kbps = g->home->conf->tiers.items[l->tier].kbps,
                                .ttl_ms = ttl_ms(g)};
  cg_quota_renew(g->home->drivers, &hold, as_before, g->home);
}

void cg_undo_reserve(struct cg_grant *g) {
  if (!g->quota_taken || g->replayed) return;
  g->quota_taken = false;
  if (g->taken_over) g->taken_over->holding_moved = false;
  if (g->taken_over && g->taken_over->state == CG_LEASE_ACTIVE)
    hold_as_before(g, g->taken_over);
  else
    cg_give_back(g->home, g->lease->holding);
}

/* ---- heartbeat ---- */

static void renewed(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_grant *g = arg;
  const struct cgp_quota_renewed *r = result;
  if (code != CGP_OK) {
    cg_step_fail_call(g, "quota", code, text);
  } else if (!r->known) {
    ask(g); /* the quota lost it: take it again */
  } else if (!settle_terms(g)) {
    cg_step_no_memory(g);
  } else {
    compare_terms(g);
    cg_step_done(g);
  }
}

void cg_step_renew(struct cg_grant *g) {
  if (g->lease->giving_way) {
    cg_step_fail(g, CG_E_CONFLICT, "another request of yours replaces this lease");
    return;
  }
  g->tier = top_tier(g);
  struct cgp_quota_hold hold = {.lease_id = g->lease->holding,
                                .scopes = scopes_of(g),
                                .n_scopes = g->verdict->n_scopes,
                                .kbps = g->home->conf->tiers.items[g->tier].kbps,
                                .ttl_ms = ttl_ms(g)};
  if (!hold.scopes) {
    cg_step_no_memory(g);
    return;
  }
  g->quota_taken = true;
  cg_quota_renew(g->home->drivers, &hold, renewed, g);
}

/* Back to the terms the lease had; nothing, when it ended meanwhile. */
void cg_undo_renew(struct cg_grant *g) {
  if (!g->quota_taken) return;
  g->quota_taken = false;
  if (g->lease->state == CG_LEASE_ACTIVE)
    hold_as_before(g, g->lease);
  else
    cg_give_back(g->home, g->lease->holding);
}
