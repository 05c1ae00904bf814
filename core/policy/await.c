#include "policy/await.h"

#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "policy/set.h"

#define USAGE_FACT 24 /* bytes of a value as JSON, beside its scope */

static const struct cg_fact *known(const struct cg_run *r, const char *scope) {
  for (struct cg_link *at = r->facts.first; at; at = at->next) {
    const struct cg_fact *f = CG_CONTAINER(at, struct cg_fact, link);
    if (strcmp(f->scope, scope) == 0) return f;
  }
  return NULL;
}

static int usage_resumed(lua_State *L, int status, lua_KContext unused) {
  (void)status;
  (void)unused;
  struct cg_run *r = cg_run_of(L, "usage");
  if (!r->usage_ok) {
    r->outage = CG_E_UNAVAILABLE;
    r->meter.broken = r->usage_text;
    return cg_meter_raise(L);
  }
  struct cg_fact *f = cg_run_alloc(L, r, sizeof(*f));
  f->scope = r->await_scope;
  f->in_use = r->in_use;
  cg_list_add(&r->facts, &f->link);
  lua_pushinteger(L, (lua_Integer)r->in_use);
  return 1;
}

int cg_await_usage(lua_State *L) {
  struct cg_run *r = cg_run_of(L, "usage");
  size_t n = 0;
  const char *scope = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &n) : "";
  if (lua_gettop(L) != 1 || !cg_run_is_line(scope, n) || n > CG_SCOPE_NAME_MAX)
    return luaL_error(L, "usage takes the name of a scope: 1 to %d bytes",
                      CG_SCOPE_NAME_MAX);
  scope = cg_run_text(L, r, scope, n, CG_SCOPE_NAME_MAX);
  const struct cg_fact *fact = known(r, scope);
  if (fact) {
    lua_pushinteger(L, (lua_Integer)fact->in_use);
    return 1;
  }
  if (++r->awaits > r->policy->env.limits.awaits)
    return cg_meter_break(L, "more usage() calls than one decision may make");
  r->usage_bytes += 2 * strlen(scope) + USAGE_FACT;
  if (r->usage_bytes > CG_USAGE_FACTS_MAX)
    return cg_meter_break(L, "usage() values of one decision fill more than 32 KiB");
  r->await_scope = scope;
  return lua_yieldk(L, 0, 0, usage_resumed);
}

static void usage_done(void *arg, bool ok, uint64_t in_use, const char *text) {
  struct cg_run *r = arg;
  CG_CHECK(r->ask && !r->answered);
  r->answered = true;
  r->usage_ok = ok;
  r->in_use = in_use;
  if (!ok)
    cg_utf8_print(r->usage_text, sizeof(r->usage_text), "usage(\"%s\") failed: %s",
                  r->await_scope, text ? text : "");
  if (!r->asking) r->drive(r);
}

bool cg_await_ask(struct cg_run *r, void (*drive)(struct cg_run *r)) {
  const struct cg_policy_env *env = &r->policy->env;
  r->drive = drive;
  r->answered = false;
  r->asking = true;
  if (env->usage)
    env->usage(env->ctx, r->await_scope, usage_done, r);
  else
    usage_done(r, false, 0, "there is no quota to ask");
  r->asking = false;
  return r->answered;
}
