#include "policy/pool.h"

#include "base/check.h"
#include "base/mem.h"
#include "policy/request.h"
#include "policy/set.h"

#define RUNS_MAX 1024

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

static struct cg_run *new_run(struct cg_policy *p, struct cg_err *err) {
  struct cg_run *r = p->n_runs < RUNS_MAX ? cg_alloc(sizeof(*r)) : NULL;
  if (!r) {
    bool full = p->n_runs >= RUNS_MAX;
    cg_fail(err, CG_E_BUSY, full ? "too many decisions wait" : "no memory");
    return NULL;
  }
  r->policy = p;
  r->co_ref = r->req_ref = LUA_NOREF;
  cg_list_add(&p->runs, &r->in_runs);
  p->n_runs++;
  return r;
}

/* The one used last, whose memory is warm. */
static struct cg_run *take_idle(struct cg_policy *p) {
  if (!p->idle.last) return NULL;
  struct cg_run *r = CG_CONTAINER(p->idle.last, struct cg_run, in_idle);
  cg_list_remove(&p->idle, &r->in_idle);
  return r;
}

struct cg_run *cg_run_take(struct cg_policy *p, struct cg_err *err) {
  struct cg_run *r = take_idle(p);
  if (!r) r = new_run(p, err);
  if (!r || r->co || cg_state_call(&p->state, make_coroutine, r, err)) return r;
  cg_list_add(&p->idle, &r->in_idle);
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
  cg_list_add(&p->idle, &r->in_idle);
}

void cg_runs_free(struct cg_policy *p) {
  while (p->runs.first) {
    struct cg_run *r = CG_CONTAINER(p->runs.first, struct cg_run, in_runs);
    cg_list_remove(&p->runs, &r->in_runs);
    cg_free(r);
  }
}
