/* The step "commit": the row is durable, so the lease becomes what the row says. */
#include <string.h>

#include "grant/step.h"
#include "lease/end.h"
#include "lease/rooms.h"

/* A lapse counts from here: however long the grant took, its client beats in time. */
static void set_deadlines(struct cg_grant *g) {
  struct cg_lease *l = g->walk.lease;
  l->ends_mono_us = g->out.ends_mono_us;
  l->expires_mono_us = cg_lease_lapses(g->walk.home, l);
  l->spared = false;
  l->gaps = 0;
}

void cg_step_activate(struct cg_grant *g) {
  struct cg_service *h = g->walk.home;
  struct cg_lease *l = g->walk.lease;
  if (g->out.ends_mono_us <= cg_service_mono(h)) {
    cg_step_time_is_up(g);
    return;
  }
  l->state = CG_LEASE_ACTIVE;
  set_deadlines(g);
  cg_lease_watch(h, l);
  cg_rooms_place(h->rooms, l);
  cg_metric_add(h->metrics, h->worker, h->metric->live, 1);
  for (size_t i = 0; i < g->walk.n_replaced; i++)
    cg_lease_end(h, g->walk.replaced[i], CG_ENDED_REPLACED, l->id, NULL, NULL);
  cg_step_done(g);
}

static void change_room(struct cg_grant *g) {
  struct cg_lease *l = g->walk.lease;
  char old_room[CG_ROOM_MAX];
  memcpy(old_room, l->room, sizeof old_room);
  memcpy(l->room, g->out.room, strlen(g->out.room) + 1);
  l->joined = (struct cg_moment){0, 0};
  cg_rooms_place(g->walk.home->rooms, l);
  cg_put_out(g->walk.home, old_room, l->id);
}

void cg_step_keep(struct cg_grant *g) {
  struct cg_lease *l = g->walk.lease;
  const struct cg_verdict *v = g->out.verdict;
  if (g->out.ends_mono_us <= cg_service_mono(g->walk.home)) {
    cg_step_time_is_up(g);
    return;
  }
  if (g->walk.scopes_changed && !cg_lease_set_scopes(l, v->scopes, v->n_scopes)) {
    cg_step_no_memory(g);
    return;
  }
  l->tier = g->out.tier;
  set_deadlines(g);
  cg_lease_set_identity(l, g->walk.identity);
  if (g->walk.ends_changed) cg_lease_watch(g->walk.home, l); /* it may be sooner */
  if (strcmp(l->room, g->out.room) != 0) change_room(g);
  cg_step_done(g);
}
