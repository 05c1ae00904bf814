/* The step "key": an Idempotency-Key that made a lease before leads to that lease. */
#include <string.h>

#include "grant/step.h"

/* What one key stands for: the same request, word for word. */
static const char *fingerprint(const struct cg_grant *g) {
  struct cg_arena *a = g->walk.arena;
  const char *print = cg_arena_printf(a, "%s %d %lld", g->in.camera, g->in.quality,
                                      (long long)g->in.ttl_s);
  for (size_t i = 0; print && i < g->in.replace.n; i++)
    print = cg_arena_printf(a, "%s %s", print, g->in.replace.items[i]);
  return print ? cg_arena_printf(a, "%s %s", print, g->in.purpose) : NULL;
}

static bool has_key(struct cg_lease *l, void *arg) {
  const struct cg_grant *g = arg;
  return l->state != CG_LEASE_ENDED && strcmp(l->key, g->in.key) == 0;
}

static void same_key_again(struct cg_grant *g, struct cg_lease *l) {
  if (strcmp(l->fingerprint, g->walk.fingerprint) != 0) {
    cg_step_fail(g, CG_E_INVALID,
                 "this Idempotency-Key was used for another request of yours");
  } else if (l->state == CG_LEASE_PENDING) {
    cg_step_fail(g, CG_E_CONFLICT,
                 "the first request with this Idempotency-Key is still under way");
  } else {
    g->walk.lease = cg_lease_ref(l);
    cg_step_branch(g);
  }
}

void cg_step_key(struct cg_grant *g) {
  if (!*g->in.key) {
    cg_step_done(g);
    return;
  }
  const char *print = fingerprint(g);
  if (!print) {
    cg_step_no_memory(g);
    return;
  }
  g->walk.fingerprint = print;
  struct cg_lease *known =
      cg_lease_of(g->walk.home->leases, g->walk.subject.id, has_key, g);
  if (known)
    same_key_again(g, known);
  else
    cg_step_done(g);
}
