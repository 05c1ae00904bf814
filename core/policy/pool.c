/* Runs, made and kept for the next decision: coroutine, memory, bounds. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "policy/request.h"
#include "policy/set.h"

const struct cg_tiers *cg_run_tiers(const struct cg_run *r) {
  return r->policy->env.tiers;
}

const struct cg_rule *cg_run_rule(const struct cg_run *r) {
  return &r->policy->rules[r->at];
}

struct cg_run *cg_run_of(lua_State *L, const char *what) {
  struct cg_run *r = cg_state_of(L)->run;
  if (!r) luaL_error(L, "%s works inside decide only", what);
  return r;
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

static int make_coroutine(lua_State *L) {
  struct cg_run *r = lua_touserdata(L, 1);
  if (r->req_ref == LUA_NOREF) {
    cg_request_push(L, r);
    r->req_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_State *co = lua_newthread(L);
  r->co_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  r->co = co;
  return 0;
}

static void drop_coroutine(struct cg_run *r) {
  luaL_unref(r->policy->state.L, LUA_REGISTRYINDEX, r->co_ref);
  r->co_ref = LUA_NOREF;
  r->co = NULL;
}

/* req views may outlive their run inside a policy's variables, so runs are freed only
 * with the state. */
static struct cg_run *new_run(struct cg_policy *p, struct cg_err *err) {
  struct cg_run *r = p->n_runs < CG_RUNS_MAX ? cg_alloc(sizeof(*r)) : NULL;
  if (!r) {
    bool full = p->n_runs >= CG_RUNS_MAX;
    cg_fail(err, CG_E_BUSY, full ? "too many decisions wait" : "no memory");
    return NULL;
  }
  r->policy = p;
  r->co_ref = r->req_ref = LUA_NOREF;
  r->next_run = p->runs;
  p->runs = r;
  p->n_runs++;
  return r;
}

struct cg_run *cg_run_take(struct cg_policy *p, struct cg_err *err) {
  struct cg_run *r = p->idle;
  if (r)
    p->idle = r->next_idle;
  else
    r = new_run(p, err);
  if (!r || r->co || cg_state_call(&p->state, make_coroutine, r, err)) return r;
  r->next_idle = p->idle;
  p->idle = r;
  return NULL;
}

bool cg_run_renew(struct cg_run *r, struct cg_err *err) {
  drop_coroutine(r);
  r->failed = false;
  return cg_state_call(&r->policy->state, make_coroutine, r, err);
}

void cg_run_give(struct cg_run *r) {
  struct cg_policy *p = r->policy;
  if (r->failed)
    drop_coroutine(r);
  else if (r->co)
    lua_settop(r->co, 0);
  json_decref(r->attributes);
  r->attributes = NULL;
  r->ask = NULL;
  r->next_idle = p->idle;
  p->idle = r;
}

void cg_runs_free(struct cg_policy *p) {
  while (p->runs) {
    struct cg_run *r = p->runs;
    p->runs = r->next_run;
    cg_free(r);
  }
}
