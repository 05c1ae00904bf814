/* The queue of a lease: one grant at a time works on it, the others wait in order. */
#include <string.h>

#include "grant/step.h"

#define WAITING_MAX 8 /* grants behind one lease; a further one is refused */

static void is_first(struct cg_grant *g) {
  struct cg_lease *l = g->walk.lease;
  l->busy = g->walk.is_first = true;
  const char *camera = cg_arena_strdup(g->walk.arena, l->camera);
  if (!camera) {
    cg_step_no_memory(g);
    return;
  }
  g->out.camera_id = camera;
  g->out.tier = l->tier;
  g->out.ends_mono_us = l->ends_mono_us;
  g->out.granted_mono_us = l->granted_mono_us;
  memcpy(g->out.lease_id, l->id, sizeof g->out.lease_id);
  cg_step_done(g);
}

void cg_queue_join(struct cg_grant *g) {
  struct cg_lease *l = g->walk.lease;
  struct cg_grant **last = &l->waiting;
  size_t ahead = 0;
  for (; *last; last = &(*last)->walk.behind) ahead++;
  if (ahead >= WAITING_MAX)
    cg_step_fail(g, CG_E_RATE, "too many requests for this lease wait already");
  else if (l->busy)
    *last = g;
  else
    is_first(g);
}

void cg_queue_leave(struct cg_grant *g) {
  if (!g->walk.is_first) return;
  struct cg_lease *l = g->walk.lease;
  g->walk.is_first = l->busy = false;
  struct cg_grant *next = l->waiting;
  if (!next) return;
  l->waiting = next->walk.behind;
  next->walk.behind = NULL;
  is_first(next);
}
