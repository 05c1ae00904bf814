/* The step "let go": what the grant holds at home stays there. */
#include "grant/step.h"

/* As they are now: a gap may have moved them since they were decided. */
static void take_deadlines(struct cg_grant *g) {
  const struct cg_lease *l = g->walk.lease;
  if (!l) return;
  g->out.expires_mono_us = l->expires_mono_us;
  g->out.ends_mono_us = l->ends_mono_us;
}

void cg_step_let_go(struct cg_grant *g) {
  struct cg_walk *w = &g->walk;
  take_deadlines(g);
  cg_queue_leave(g);
  cg_lease_unref(w->lease);
  cg_lease_unref(w->taken_over);
  for (size_t i = 0; i < w->n_replaced; i++) {
    w->replaced[i]->giving_way = false;
    cg_lease_unref(w->replaced[i]);
  }
  cg_policy_unref(w->policy);
  w->lease = w->taken_over = NULL;
  w->policy = NULL;
  w->n_replaced = 0;
  cg_step_done(g);
}
