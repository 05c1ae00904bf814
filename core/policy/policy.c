#include "policy/policy.h"

#include "base/mem.h"
#include "policy/compile.h"
#include "policy/pool.h"
#include "policy/set.h"

static bool make_room(struct cg_policy *p) {
  p->rules = cg_alloc((p->bundle->n_policies + 1) * sizeof(*p->rules));
  p->lib_tried = cg_alloc((p->bundle->n_libs + 1) * sizeof(*p->lib_tried));
  return p->rules && p->lib_tried;
}

struct cg_policy *cg_policy_new(const struct cg_bundle *bundle,
                                const struct cg_policy_env *env, struct cg_arena *arena,
                                struct cg_field_errors *errs) {
  struct cg_policy *p = cg_alloc(sizeof(*p));
  if (!p) {
    cg_field_error(errs, arena, "policies", "no memory");
    return NULL;
  }
  p->refs = 1;
  p->env = *env;
  p->env.zones = cg_zones_ref(env->zones);
  p->bundle = cg_bundle_ref(bundle);
  if (!make_room(p))
    cg_field_error(errs, arena, "policies", "no memory");
  else if (cg_policy_compile(p, arena, errs))
    return p;
  cg_policy_unref(p);
  return NULL;
}

struct cg_policy *cg_policy_ref(struct cg_policy *p) {
  p->refs++;
  return p;
}

void cg_policy_unref(struct cg_policy *p) {
  if (!p || --p->refs > 0) return;
  cg_policy_unref(p->successor);
  cg_state_close(&p->state);
  cg_runs_free(p);
  for (size_t i = 0; i < p->n_rules; i++) cg_rule_clear(&p->rules[i]);
  cg_free(p->rules);
  cg_free(p->lib_tried);
  cg_bundle_unref(p->bundle);
  cg_zones_unref(p->env.zones);
  cg_free(p);
}

const char *cg_policy_revision(const struct cg_policy *p) {
  return p->bundle->revision;
}

const struct cg_zones *cg_policy_zones(const struct cg_policy *p) {
  return p->env.zones;
}
