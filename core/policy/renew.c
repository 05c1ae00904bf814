/* A policy whose memory is full of what its files kept, compiled anew. */
#include "base/check.h"
#include "policy/set.h"

#define ERRORS_MAX (64u << 10)

static struct cg_policy *fresh(const struct cg_policy *p) {
  struct cg_field_errors errs = {.n = 0};
  struct cg_arena *arena = cg_arena_new(NULL, ERRORS_MAX);
  if (!arena) return NULL;
  struct cg_policy *next = cg_policy_new(p->bundle, &p->env, arena, &errs);
  cg_arena_free(arena, NULL);
  return next;
}

void cg_policy_renew_if_full(struct cg_policy *p) {
  struct cg_state *s = &p->state;
  if (!s->refused || p->successor) return;
  s->refused = false;
  lua_gc(s->L, LUA_GCCOLLECT);
  if (s->used <= s->limit / 2) return;
  p->successor = fresh(p);
  if (p->env.log)
    CG_LOG(p->env.log, CG_WARN, "policies keep memory between requests; started afresh",
           {"policy_rev", p->bundle->revision, 0}, {"bytes", NULL, (int64_t)s->used});
}

struct cg_policy *cg_policy_current(struct cg_policy *p) {
  while (p->successor && p->successor->successor) {
    struct cg_policy *old = p->successor;
    p->successor = cg_policy_ref(old->successor);
    cg_policy_unref(old);
  }
  return p->successor ? p->successor : p;
}
