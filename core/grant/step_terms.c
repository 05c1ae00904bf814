/* The step "terms": room, tier, scopes and hard end of a lease, as they were decided. */
#include <string.h>

#include "grant/quality.h"
#include "grant/step.h"

static bool name_room(struct cg_grant *g) {
  char room[CG_ROOM_MAX];
  cg_lease_room(&g->walk.home->conf->tiers, g->walk.lease->camera, g->out.tier, room);
  g->out.room = cg_arena_strdup(g->walk.arena, room);
  return g->out.room;
}

/* Why it is not what was asked for, or the best there is. */
static bool explain_quality(struct cg_grant *g) {
  const struct cg_tiers *t = &g->walk.home->conf->tiers;
  const char **why = cg_arena_alloc(g->walk.arena, 2 * sizeof *why);
  int wished = g->in.quality != CG_TIER_NONE ? g->in.quality : t->n - 1;
  int top = cg_quality_top(g);
  if (!why) return false;
  g->out.why = (struct cg_strings){.items = why, .n = 0};
  if (top < wished)
    why[g->out.why.n++] = cg_arena_printf(g->walk.arena, "policy %s allows at most %s",
                                          g->out.verdict->max_rule, cg_tier_name(t, top));
  if (g->out.tier < top)
    why[g->out.why.n++] = cg_arena_printf(
        g->walk.arena, "the quota has no room for %s now", cg_tier_name(t, top));
  for (size_t i = 0; i < g->out.why.n; i++)
    if (!why[i]) return false;
  return true;
}

static bool give_terms(struct cg_grant *g) {
  struct cg_lease *l = g->walk.lease;
  const struct cg_verdict *v = g->out.verdict;
  memcpy(l->room, g->out.room, strlen(g->out.room) + 1);
  l->tier = g->out.tier;
  l->ends_mono_us = g->out.ends_mono_us;
  return cg_lease_set_scopes(l, v->scopes, v->n_scopes);
}

void cg_step_settle(struct cg_grant *g) {
  if (name_room(g) && explain_quality(g) && give_terms(g))
    cg_step_done(g);
  else
    cg_step_no_memory(g);
}

void cg_step_compare(struct cg_grant *g) {
  const struct cg_lease *l = g->walk.lease;
  const struct cg_verdict *v = g->out.verdict;
  if (!name_room(g)) {
    cg_step_no_memory(g);
    return;
  }
  g->walk.scopes_changed = !cg_lease_same_scopes(l, v->scopes, v->n_scopes);
  g->walk.ends_changed = g->out.ends_mono_us != l->ends_mono_us;
  g->walk.identity_changed = !cg_identity_same(l->identity, g->walk.identity);
  g->out.moved = g->out.tier != l->tier || l->room_gone;
  cg_step_done(g);
}
