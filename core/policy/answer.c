#include "policy/answer.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "lua/args.h"

#define TTL_MAX_S    (366 * 86400)
#define PRIORITY_MAX 1000000

/* Where the policy, or the lib function it called, made the answer. */
static void set_place(lua_State *L, struct cg_run *r, struct cg_word *w) {
  lua_Debug ar;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0) continue;
    w->file = cg_run_strdup(L, r, ar.source + 1, strlen(ar.source + 1));
    w->line = ar.currentline;
    return;
  }
}

static struct cg_answer *new_answer(lua_State *L, struct cg_run *r,
                                    enum cg_word_kind kind) {
  if (++r->n_answers > CG_ANSWERS_MAX)
    cg_meter_break(L, "more answers than one decision may make");
  struct cg_answer *a = cg_run_alloc(L, r, sizeof(*a));
  a->word = (struct cg_word){.kind = kind, .file = "", .reason = "", .max = CG_TIER_NONE};
  a->word.policy = cg_run_rule(r)->name;
  set_place(L, r, &a->word);
  return a;
}

static int give(lua_State *L, struct cg_run *r, struct cg_answer *a) {
  a->next = r->answers;
  r->answers = a;
  lua_pushlightuserdata(L, a);
  return 1;
}

/* ---- the fields of allow and cap; each finds its value at the top of the stack ---- */

static void set_max(lua_State *L, struct cg_run *r, struct cg_answer *a) {
  const char *name = cg_lua_text(L, -1);
  if (!name) luaL_error(L, "max: the name of a tier, in quotes");
  a->word.max = cg_tier_find(cg_run_tiers(r), name);
  if (a->word.max == CG_TIER_NONE) luaL_error(L, "max: there is no tier '%s'", name);
}

static void set_ttl(lua_State *L, struct cg_run *r, struct cg_answer *a) {
  (void)r;
  int64_t s = 0;
  const char *text = cg_lua_text(L, -1);
  bool good = text && cg_duration_parse(text, &s);
  if (lua_isinteger(L, -1)) {
    s = lua_tointeger(L, -1);
    good = true;
  }
  if (!good || s < 1 || s > TTL_MAX_S)
    luaL_error(L, "ttl: seconds, or \"90s\", \"30m\", \"8h\", \"1d\"; at most 366 days");
  a->word.ttl_s = s;
}

static const struct cg_scope_said *scope_said(lua_State *L, const struct cg_run *r) {
  const void *p = lua_islightuserdata(L, -1) ? lua_touserdata(L, -1) : NULL;
  for (const struct cg_scope_said *s = r->scopes; p && s; s = s->next)
    if (s == p) return s;
  luaL_error(L, "scopes: a list of scope(name, limit)");
  return NULL;
}

static void set_scopes(lua_State *L, struct cg_run *r, struct cg_answer *a) {
  if (lua_type(L, -1) != LUA_TTABLE)
    luaL_error(L, "scopes: a list of scope(name, limit)");
  size_t members = 0, n = lua_rawlen(L, -1);
  if (n > CG_SCOPES_MAX) luaL_error(L, "scopes: more than %d", CG_SCOPES_MAX);
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
    if (++members > n) luaL_error(L, "scopes: a list of scope(name, limit)");
  if (n == 0) return;
  a->scopes = cg_run_alloc(L, r, n * sizeof(struct cg_scope_said *));
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    a->scopes[a->n_scopes++] = scope_said(L, r);
    lua_pop(L, 1);
  }
}

static void set_priority(lua_State *L, struct cg_run *r, struct cg_answer *a) {
  (void)r;
  int exact;
  lua_Integer n = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &exact) : 0;
  if (lua_type(L, -1) != LUA_TNUMBER || !exact || n < -PRIORITY_MAX || n > PRIORITY_MAX)
    luaL_error(L, "priority: a whole number from -%d to %d", PRIORITY_MAX, PRIORITY_MAX);
  a->priority = n;
}

static const struct {
  const char *name;
  bool allow_only;
  void (*set)(lua_State *L, struct cg_run *r, struct cg_answer *a);
} fields[] = {
    {"max", false, set_max},
    {"ttl", false, set_ttl},
    {"scopes", false, set_scopes},
    {"priority", true, set_priority},
};

static void set_field(lua_State *L, struct cg_run *r, struct cg_answer *a) {
  const char *key = cg_lua_text(L, -2);
  bool allow = a->word.kind == CG_WORD_ALLOW;
  for (size_t i = 0; key && i < CG_COUNT(fields); i++)
    if (strcmp(fields[i].name, key) == 0 && (allow || !fields[i].allow_only)) {
      fields[i].set(L, r, a);
      return;
    }
  luaL_error(L, "%s has no field '%s' (max, ttl, scopes%s)", allow ? "allow" : "cap",
             key ? key : luaL_typename(L, -2), allow ? ", priority" : "");
}

static int constrain(lua_State *L, enum cg_word_kind kind, const char *what) {
  struct cg_run *r = cg_run_of(L, what);
  if (lua_gettop(L) > 1) luaL_error(L, "%s takes one table", what);
  lua_settop(L, 1);
  if (!lua_isnil(L, 1)) luaL_checktype(L, 1, LUA_TTABLE);
  struct cg_answer *a = new_answer(L, r, kind);
  if (lua_istable(L, 1))
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) set_field(L, r, a);
  return give(L, r, a);
}

int cg_answer_allow(lua_State *L) {
  return constrain(L, CG_WORD_ALLOW, "allow");
}

int cg_answer_cap(lua_State *L) {
  if (lua_type(L, 1) != LUA_TTABLE) luaL_error(L, "cap takes one table");
  return constrain(L, CG_WORD_CAP, "cap");
}

int cg_answer_deny(lua_State *L) {
  struct cg_run *r = cg_run_of(L, "deny");
  size_t n = 0;
  const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &n) : "";
  if (lua_gettop(L) != 1 || !cg_run_is_line(text, n) || n > CG_DENY_MAX)
    luaL_error(L, "deny takes its reason: one line of text, at most %d bytes",
               CG_DENY_MAX);
  struct cg_answer *a = new_answer(L, r, CG_WORD_DENY);
  a->word.reason = cg_run_text(L, r, text, n, CG_DENY_MAX);
  return give(L, r, a);
}

static uint64_t limit_arg(lua_State *L, int index) {
  int exact = 0;
  lua_Integer n =
      lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &exact) : -1;
  if (!exact || n < 0 || n > ((lua_Integer)1 << 53))
    luaL_error(L, "scope: the limit is a whole number, 0 or more");
  return (uint64_t)n;
}

static bool weighted_arg(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return false;
  const char *weight = cg_lua_text(L, index);
  if (!weight || strcmp(weight, "kbps") != 0)
    luaL_error(L, "scope: the weight is \"kbps\", or left out to count streams");
  return true;
}

int cg_answer_scope(lua_State *L) {
  struct cg_run *r = cg_run_of(L, "scope");
  size_t n = 0;
  const char *name = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &n) : "";
  if (!cg_run_is_line(name, n) || n > CG_SCOPE_NAME_MAX)
    luaL_error(L, "scope: the name is text of 1 to %d bytes", CG_SCOPE_NAME_MAX);
  if (lua_gettop(L) > 3) luaL_error(L, "scope takes name, limit and \"kbps\"");
  uint64_t limit = limit_arg(L, 2);
  bool weighted = weighted_arg(L, 3);
  if (++r->n_scopes > CG_SCOPE_SAID_MAX)
    cg_meter_break(L, "more scopes than one decision may make");
  struct cg_scope_said *s = cg_run_alloc(L, r, sizeof(*s));
  s->ask = (struct cg_scope_ask){cg_run_text(L, r, name, n, CG_SCOPE_NAME_MAX), limit,
                                 weighted};
  s->next = r->scopes;
  r->scopes = s;
  lua_pushlightuserdata(L, s);
  return 1;
}

const struct cg_answer *cg_answer_returned(const struct cg_run *r, lua_State *co,
                                           int index) {
  const void *p = lua_islightuserdata(co, index) ? lua_touserdata(co, index) : NULL;
  const char *policy = cg_run_rule(r)->name;
  for (const struct cg_answer *a = r->answers; p && a; a = a->next)
    if (a == p && a->word.policy == policy) return a;
  return NULL;
}
