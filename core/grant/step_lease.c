/* The step "lease": a new one, or which of the subject's leases is meant. */
#include <string.h>

#include "grant/step.h"

/* ---- a new one ---- */

/* Each lease to replace is the caller's own and lives.  false: the step has failed. */
static bool claim_replaced(struct cg_grant *g) {
  for (size_t i = 0; i < g->in.replace.n; i++) {
    const char *id = g->in.replace.items[i];
    struct cg_lease *l = cg_id_valid(id) ? cg_lease_find(g->walk.home->leases, id) : NULL;
    if (!l || l->state != CG_LEASE_ACTIVE ||
        strcmp(l->subject, g->walk.subject.id) != 0) {
      cg_step_fail(g, CG_E_CONFLICT, "replace: \"%.40s\" is not a live lease of yours",
                   id);
      return false;
    }
    if (l->giving_way || l->busy) {
      cg_step_fail(g, CG_E_CONFLICT, "replace: another request works on %s now", l->id);
      return false;
    }
    l->giving_way = true;
    g->walk.replaced[g->walk.n_replaced++] = cg_lease_ref(l);
  }
  return true;
}

void cg_step_new_lease(struct cg_grant *g) {
  struct cg_service *h = g->walk.home;
  if (cg_leases_full(h->leases)) {
    cg_step_fail(g, CG_E_BUSY, "this gate has as many leases as it can hold");
    return;
  }
  if (!claim_replaced(g)) return;
  int64_t now = cg_service_wall(h);
  struct cg_id id = cg_id_new(&h->ids, now, cg_home_of(g->walk.subject.id));
  struct cg_lease *l = cg_lease_new(h->leases, id.text, &g->walk.subject, g->in.camera,
                                    g->in.key, g->walk.fingerprint);
  g->walk.lease = l;
  if (!l || !cg_lease_set_asked(l, g->in.purpose, g->in.ttl_s)) {
    cg_step_no_memory(g);
    return;
  }
  cg_lease_set_identity(l, g->walk.identity);
  l->owner = h;
  l->requested = g->in.quality;
  l->granted_us = now;
  l->granted_mono_us = g->out.granted_mono_us = cg_service_mono(h);
  memcpy(g->out.lease_id, id.text, sizeof g->out.lease_id);
  cg_step_done(g);
}

void cg_undo_new_lease(struct cg_grant *g) {
  if (g->walk.lease && g->walk.lease->state == CG_LEASE_PENDING)
    cg_lease_drop(g->walk.home->leases, g->walk.lease);
  g->out.lease_id[0] = '\0';
}

/* ---- one that is there ---- */

static bool is_own(const struct cg_grant *g, const struct cg_lease *l) {
  return strcmp(l->subject, g->walk.subject.id) == 0;
}

static void take(struct cg_grant *g, struct cg_lease *l) {
  g->walk.lease = cg_lease_ref(l);
  cg_queue_join(g);
}

/* By its id; strangers may mean it, too, when `foreign`. */
static void take_named(struct cg_grant *g, bool foreign) {
  struct cg_lease *l = cg_lease_find(g->walk.home->leases, g->in.lease_id);
  if (!l || l->state == CG_LEASE_PENDING || (!is_own(g, l) && !foreign)) {
    cg_step_fail(g, CG_E_NOT_FOUND, "you have no lease of this id");
    return;
  }
  g->walk.foreign = !is_own(g, l);
  take(g, l);
}

void cg_step_own_lease(struct cg_grant *g) {
  take_named(g, false);
}

void cg_step_lease_to_end(struct cg_grant *g) {
  take_named(g, cg_strings_has(&g->walk.subject.roles, "admin"));
}

static bool lives_on_camera(struct cg_lease *l, void *arg) {
  const struct cg_grant *g = arg;
  return l->state == CG_LEASE_ACTIVE && strcmp(l->camera, g->in.camera) == 0;
}

void cg_step_lease_on_camera(struct cg_grant *g) {
  struct cg_lease *l =
      cg_lease_of(g->walk.home->leases, g->walk.subject.id, lives_on_camera, g);
  if (l)
    take(g, l);
  else
    cg_step_fail(g, CG_E_NOT_FOUND, "you have no live lease on this camera");
}

void cg_step_lease_of_key(struct cg_grant *g) {
  cg_queue_join(g);
}

void cg_step_lives(struct cg_grant *g) {
  if (g->walk.lease->state == CG_LEASE_ENDED)
    cg_step_fail_over(g);
  else
    cg_step_done(g);
}
