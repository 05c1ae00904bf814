#include "policy/run.h"

#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
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

bool cg_run_is_line(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) return false;
  return n > 0;
}

static void tell(struct cg_run *r, const char *text, int line) {
  const struct cg_rule *rule = cg_run_rule(r);
  if (r->policy->env.log && !r->not_utf8)
    CG_LOG(r->policy->env.log, CG_WARN,
           "a text of a policy is not UTF-8: U+FFFD stands for what is none",
           {"rule", rule->name, 0}, {"file", rule->file, 0}, {"line", NULL, line},
           {"text", text, 0});
  r->not_utf8 = true;
}

static const char *keep_text(struct cg_run *r, const char *s, size_t n, size_t most,
                             int line) {
  bool good = cg_utf8_is(s, n) && !memchr(s, '\0', n);
  if (good) return cg_arena_strndup(r->arena, s, cg_utf8_cut(s, n, most));
  if (n > most) n = most; /* each byte of it makes one or more */
  char *text = cg_arena_alloc(r->arena, most + 1);
  if (!text) return NULL;
  cg_utf8_put(text, most + 1, s, n);
  tell(r, text, line);
  return text;
}

/* Of the policy, or of the lib function that it called. */
static int line_of(lua_State *L) {
  lua_Debug ar;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "l", &ar);
    if (ar.currentline > 0) return ar.currentline;
  }
  return 0;
}

const char *cg_run_text(lua_State *L, struct cg_run *r, const char *s, size_t n,
                        size_t most) {
  const char *text = keep_text(r, s, n, most, line_of(L));
  if (!text) cg_meter_break(L, "memory of the request used up");
  return text;
}

const char *cg_run_message(struct cg_run *r, const char *s, size_t n, size_t most) {
  return keep_text(r, s, n, most, cg_run_rule(r)->line);
}
