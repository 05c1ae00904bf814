#include "policy/run.h"

#include "base/check.h"
#include "policy/set.h"

const struct cg_tiers *cg_run_tiers(const struct cg_run *r) {
  return r->policy->env.tiers;
}

const struct cg_rule *cg_run_rule(const struct cg_run *r) {
  return &r->policy->rules[r->at];
}

struct cg_run *cg_run_of(lua_State *L, const char *what) {
  struct cg_view_life *life = cg_state_of(L)->life;
  if (!life) luaL_error(L, "%s works inside decide only", what);
  return CG_CONTAINER(life, struct cg_run, life);
}

void *cg_run_alloc(lua_State *L, struct cg_run *r, size_t n) {
  void *p = cg_arena_zalloc(r->arena, n);
  if (!p) cg_meter_break(L, "memory of the request used up");
  return p;
}

const char *cg_run_strdup(lua_State *L, struct cg_run *r, const char *s, size_t n) {
  char *p = cg_arena_strndup(r->arena, s, n);
  if (!p) cg_meter_break(L, "memory of the request used up");
  return p;
}
