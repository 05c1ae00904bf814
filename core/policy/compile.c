#include "policy/compile.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "lua/args.h"
#include "lua/meter.h"
#include "lua/sandbox.h"
#include "policy/answer.h"
#include "policy/await.h"
#include "policy/libs.h"
#include "policy/set.h"

#define DOC_MAX_LEN 2000

/* Loading runs each file once, before it can refuse anybody. */
static const struct cg_lua_limits load_limits = {
    .instructions = 10 * 1000 * 1000,
    .burst_cpu_us = 1000 * 1000,
    .cpu_us = 1000 * 1000,
};

/* ---- what policies may call ---- */

static const luaL_Reg functions[] = {
    {"allow", cg_answer_allow},
    {"cap", cg_answer_cap},
    {"deny", cg_answer_deny},
    {"scope", cg_answer_scope},
    {"usage", cg_await_usage},
    {"use", cg_libs_use},
    {NULL, NULL},
};

static const char *name_at(lua_State *L, int index) {
  const char *name = cg_lua_text(L, index);
  return name ? name : "?";
}

static int refuse_name(lua_State *L) {
  return luaL_error(L, "there is no '%s' for policies", name_at(L, 2));
}

static int refuse_global(lua_State *L) {
  return luaL_error(L, "a policy sets no globals: write 'local %s'", name_at(L, 2));
}

static int open_environment(lua_State *L) {
  cg_sandbox_open(L, &(struct cg_sandbox){functions, refuse_name, refuse_global});
  cg_libs_open(L);
  return 0;
}

/* ---- one file and what is wrong with it ---- */

/* One file while it is checked. */
struct load {
  struct cg_policy *policy;
  const struct cg_bundle_file *file;
  struct cg_rule *rule; /* NULL: a lib */
  struct cg_arena *arena;
  struct cg_field_errors *errs;
  int line;
};

static void wrong(const struct load *l, const char *fmt, ...) CG_PRINTF(2, 3);
static void wrong(const struct load *l, const char *fmt, ...) {
  char place[180], text[300];
  va_list ap;
  va_start(ap, fmt);
  cg_utf8_vprint(text, sizeof(text), fmt, ap);
  va_end(ap);
  snprintf(place, sizeof(place), "%s:%d", l->file->name, l->line);
  cg_field_error(l->errs, l->arena, place, "%s", text);
}

/* Lua's own messages begin with the place. */
static void wrong_message(const struct load *l, const char *message) {
  const char *colon = strchr(message, ':');
  size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
  if (digits == 0 || colon[1 + digits] != ':') {
    wrong(l, "%s", message);
    return;
  }
  char place[180];
  snprintf(place, sizeof(place), "%.*s", (int)(colon + 1 + digits - message), message);
  const char *text = colon + 2 + digits;
  cg_field_error(l->errs, l->arena, place, "%s", text + strspn(text, " "));
}

/* ---- match ---- */

static void add_level(lua_State *L, const struct load *l, struct cg_match_test *t) {
  if (lua_isinteger(L, -1) || lua_type(L, -1) == LUA_TSTRING) {
    int exact;
    int64_t level = lua_tointegerx(L, -1, &exact);
    if (exact) {
      t->level[t->n++] = level;
      return;
    }
  }
  wrong(l, "match.level: whole numbers");
}

static void add_text(lua_State *L, const struct load *l, const char *key,
                     struct cg_match_test *t) {
  size_t n = 0;
  const char *s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : "";
  bool good = n > 0 && n <= CG_SUBJECT_MAX && strlen(s) == n && cg_utf8_is(s, n);
  char *copy = good ? cg_strdup(s) : NULL;
  if (copy)
    t->text[t->n++] = copy;
  else
    wrong(l, "match.%s: a text of 1 to 256 bytes of UTF-8, or a list of such", key);
}

static void add_value(lua_State *L, const struct load *l, int key, const char *name,
                      struct cg_match_test *t) {
  if (t->n == CG_MATCH_VALUES_MAX)
    wrong(l, "match.%s: more than %zu values", name, t->n);
  else if (key == CG_MATCH_LEVEL)
    add_level(L, l, t);
  else
    add_text(L, l, name, t);
}

/* The test's value is on top. */
static void add_test(lua_State *L, struct load *l, int key, const char *name) {
  struct cg_match_test *t = l->rule->match[key] = cg_alloc(sizeof(*t));
  if (!t) {
    wrong(l, "no memory");
    return;
  }
  if (!lua_istable(L, -1)) {
    add_value(L, l, key, name, t);
    return;
  }
  lua_Integer n = (lua_Integer)lua_rawlen(L, -1), members = 0;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) members++;
  if (n == 0 || members != n) wrong(l, "match.%s: a list with at least one value", name);
  for (lua_Integer i = 1; i <= n && i <= CG_MATCH_VALUES_MAX + 1; i++) {
    lua_rawgeti(L, -1, i);
    add_value(L, l, key, name, t);
    lua_pop(L, 1);
  }
}

static void set_match(lua_State *L, struct load *l) {
  if (lua_type(L, -1) != LUA_TTABLE) {
    wrong(l, "match: a table such as { role = \"operator\" }");
    return;
  }
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    const char *name = name_at(L, -2);
    int key = cg_match_key(name);
    if (key >= 0)
      add_test(L, l, key, name);
    else
      wrong(l,
            "match: unknown test '%.60s' (role, site, tag, camera, purpose, quality, "
            "level)",
            name);
  }
}

/* ---- the other members ---- */

static bool is_name(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_') return false;
  return n > 0 && n <= CG_RULE_NAME_MAX;
}

static void set_name(lua_State *L, struct load *l) {
  size_t n = 0;
  const char *s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : "";
  if (!is_name(s, n)) {
    wrong(l, "name: 1 to %d of letters, digits, - and _", CG_RULE_NAME_MAX);
    return;
  }
  for (const struct cg_rule *r = l->policy->rules; r < l->rule; r++)
    if (r->name && strcmp(r->name, s) == 0)
      wrong(l, "name: '%s' is the name of %s already", s, r->file);
  l->rule->name = cg_strdup(s);
  if (!l->rule->name) wrong(l, "no memory");
}

static void set_doc(lua_State *L, struct load *l) {
  if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) > DOC_MAX_LEN)
    wrong(l, "doc: a text of at most %d bytes", DOC_MAX_LEN);
}

static void set_decide(lua_State *L, struct load *l) {
  if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1)) {
    wrong(l, "decide: a function");
    return;
  }
  l->rule->line = l->line;
  lua_pushvalue(L, -1);
  l->rule->decide_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

static const struct {
  const char *name;
  bool required;
  void (*set)(lua_State *L, struct load *l);
} members[] = {
    {"name", true, set_name},
    {"doc", false, set_doc},
    {"match", false, set_match},
    {"decide", true, set_decide},
};

static void refuse_unknown(lua_State *L, struct load *l) {
  const char *names[CG_COUNT(members)];
  for (size_t i = 0; i < CG_COUNT(members); i++) names[i] = members[i].name;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    const char *key = name_at(L, -2);
    bool known = false;
    for (size_t i = 0; i < CG_COUNT(members); i++) known |= strcmp(names[i], key) == 0;
    if (known) continue;
    const char *near = cg_nearest(key, names, CG_COUNT(names));
    wrong(l, "unknown member '%.60s'%s%s%s", key, near ? " (did you mean '" : "",
          near ? near : "", near ? "'?)" : "");
  }
}

/* Structural errors are shown at the line of decide. */
static void find_line(lua_State *L, struct load *l) {
  lua_Debug ar;
  lua_pushliteral(L, "decide");
  lua_rawget(L, -2);
  if (!lua_isfunction(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_getinfo(L, ">S", &ar);
  if (ar.linedefined > 0) l->line = ar.linedefined;
}

static void check_table(lua_State *L, struct load *l) {
  find_line(L, l);
  refuse_unknown(L, l);
  for (size_t i = 0; i < CG_COUNT(members); i++) {
    lua_pushstring(L, members[i].name);
    if (lua_rawget(L, -2) != LUA_TNIL)
      members[i].set(L, l);
    else if (members[i].required)
      wrong(l, "'%s' is missing", members[i].name);
    lua_pop(L, 1);
  }
}

static int load_policy(lua_State *L) {
  struct load *l = lua_touserdata(L, 1);
  cg_sandbox_load(L, l->file->name, l->file->text, l->file->len);
  lua_call(L, 0, LUA_MULTRET);
  if (lua_gettop(L) != 2 || !lua_istable(L, 2))
    return luaL_error(L, "the file must return one table: { name = ..., decide = ... }");
  check_table(L, l);
  return 0;
}

static int load_lib(lua_State *L) {
  struct load *l = lua_touserdata(L, 1);
  const char *base = l->file->name + strlen("lib/");
  lua_pushcfunction(L, cg_libs_use);
  lua_pushlstring(L, base, strlen(base) - strlen(".lua"));
  lua_call(L, 1, 0);
  return 0;
}

static void load_file(struct load *l, lua_CFunction f) {
  struct cg_meter meter = {.limits = &load_limits};
  struct cg_err err;
  if (!cg_meter_call(&l->policy->state, &meter, f, l, &err))
    wrong_message(l, err.code == CG_E_MEMORY ? "memory limit reached" : err.text);
}

/* ---- the set ---- */

static bool open_state(struct cg_policy *p, struct cg_err *err) {
  struct cg_state *s = &p->state;
  if (!cg_state_open(s, p->env.limits.lua.memory_bytes))
    return cg_fail(err, CG_E_MEMORY, "no memory");
  return cg_state_call(s, open_environment, NULL, err);
}

bool cg_policy_compile(struct cg_policy *p, struct cg_arena *arena,
                       struct cg_field_errors *errs) {
  const struct cg_bundle *b = p->bundle;
  struct cg_err err;
  if (!open_state(p, &err)) {
    cg_field_error(errs, arena, "policies", "%s", err.text);
    return false;
  }
  size_t before = errs->n;
  struct load l = {.policy = p, .arena = arena, .errs = errs};
  for (size_t i = 0; i < b->n_libs; i++) {
    l.file = &b->libs[i];
    l.line = 1;
    if (!p->lib_tried[i]) load_file(&l, load_lib);
  }
  for (size_t i = 0; i < b->n_policies; i++) {
    l.file = &b->policies[i];
    l.line = 1;
    l.rule = &p->rules[i];
    *l.rule = (struct cg_rule){.file = l.file->name, .line = 1, .decide_ref = LUA_NOREF};
    p->n_rules = i + 1;
    load_file(&l, load_policy);
  }
  return errs->n == before;
}
