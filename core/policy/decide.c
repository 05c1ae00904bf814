/* Decisions: their rules run one after the other, wait for usage(), end in a verdict. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "policy/answer.h"
#include "policy/await.h"
#include "policy/policy.h"
#include "policy/pool.h"
#include "policy/set.h"
#include "policy/verdict.h"

#define ERROR_TEXT_MAX 400
#define ERRORS_MAX     (64u << 10)

/* ---- words ---- */

static void say(struct cg_run *r, const struct cg_word *word, const struct cg_answer *a) {
  struct cg_said *s = word ? cg_arena_zalloc(r->arena, sizeof(*s)) : NULL;
  if (!s) {
    r->starved = true;
    return;
  }
  s->word = word;
  s->answer = a;
  s->not_utf8 = r->not_utf8;
  cg_list_add(&r->said, &s->link);
  r->n_said++;
  bool refuses = word->kind == CG_WORD_DENY || word->kind == CG_WORD_ERROR;
  if (refuses && !r->decider) r->decider = word;
}

static void say_plain(struct cg_run *r, enum cg_word_kind kind, const char *reason) {
  const struct cg_rule *rule = cg_run_rule(r);
  struct cg_word *w = cg_arena_zalloc(r->arena, sizeof(*w));
  if (w)
    *w = (struct cg_word){kind,   rule->name,   rule->file, rule->line,
                          reason, CG_TIER_NONE, 0,          false};
  say(r, w, NULL);
}

/* ---- errors ---- */

struct trace {
  lua_State *co;
  const char *message;
  char text[1500];
};

static int take_trace(lua_State *L) {
  struct trace *t = lua_touserdata(L, 1);
  size_t n;
  luaL_traceback(L, t->co, t->message, 0);
  const char *text = lua_tolstring(L, -1, &n);
  cg_utf8_put(t->text, sizeof(t->text), text, n);
  return 0;
}

static void log_error(struct cg_run *r, const char *message) {
  if (!r->policy->env.log || r->decider) return;
  struct trace t = {.co = r->co, .message = message};
  struct cg_err err;
  bool traced = cg_state_call(&r->policy->state, take_trace, &t, &err);
  CG_LOG(r->policy->env.log, CG_ERROR, "policy_error", {"rule", cg_run_rule(r)->name, 0},
         {"file", cg_run_rule(r)->file, 0}, {"subject", r->ask->subject->id, 0},
         {"camera", r->ask->camera->id, 0}, {"error", traced ? t.text : message, 0});
}

static void fail(struct cg_run *r, const char *message, size_t n) {
  const char *text = cg_run_message(r, message, n, ERROR_TEXT_MAX);
  log_error(r, text ? text : message);
  if (text)
    say_plain(r, CG_WORD_ERROR, text);
  else
    r->starved = true;
}

static const char *error_text(struct cg_run *r, int status, size_t *ret_n) {
  const char *text = "error() without a text";
  if (status == LUA_ERRMEM)
    text = r->meter.broken = r->meter.broken ? r->meter.broken : "memory limit reached";
  else if (lua_type(r->co, -1) == LUA_TSTRING)
    return lua_tolstring(r->co, -1, ret_n);
  *ret_n = strlen(text);
  return text;
}

/* ---- one rule ---- */

static const char *odd_answer(int n) {
  return n > 1 ? "decide returned more than one value"
               : "decide returned something else than allow{}, cap{}, deny() or nothing";
}

static void take_answer(struct cg_run *r, int n) {
  if (n == 0 || (n == 1 && lua_isnil(r->co, -1))) {
    if (r->ask->explain) say_plain(r, CG_WORD_NONE, "");
    return;
  }
  const struct cg_answer *a = n == 1 ? cg_answer_returned(r, r->co, -1) : NULL;
  const char *wrong = a ? cg_verdict_add_scopes(r->verdict, a) : odd_answer(n);
  if (wrong)
    fail(r, wrong, strlen(wrong));
  else
    say(r, &a->word, a);
}

/* true: the rule waits for usage(). */
static bool run_rule(struct cg_run *r) {
  const struct cg_rule *rule = cg_run_rule(r);
  int args = 0, n = 0;
  if (!r->resuming) {
    r->not_utf8 = false;
    if (!cg_rule_applies(rule, r->ask, r->policy->env.tiers)) {
      if (r->ask->explain) say_plain(r, CG_WORD_NONE, "");
      return false;
    }
    lua_rawgeti(r->co, LUA_REGISTRYINDEX, rule->decide_ref);
    lua_rawgeti(r->co, LUA_REGISTRYINDEX, r->req_ref);
    args = 1;
  }
  int status = lua_resume(r->co, NULL, args, &n);
  r->resuming = status == LUA_YIELD;
  if (r->resuming) return true;
  r->failed = status != LUA_OK;
  if (r->failed) {
    size_t len;
    const char *text = error_text(r, status, &len);
    fail(r, text, len);
  } else {
    take_answer(r, n);
    lua_settop(r->co, 0);
  }
  return false;
}

/* Explain goes on after a word that decides, unless nothing more can run. */
static bool goes_on(struct cg_run *r) {
  struct cg_err err;
  if (r->at == r->policy->n_rules || r->starved) return false;
  if (r->decider && !r->ask->explain) return false;
  if (!r->failed) return true;
  if (r->meter.broken || !cg_run_renew(r, &err)) return false;
  cg_meter_arm(r->co);
  return true;
}

/* Until a rule waits (true) or the verdict is certain. */
static bool burst(struct cg_run *r) {
  struct cg_state *s = &r->policy->state;
  uint64_t failures = cg_mem_failures();
  bool waits = false;
  s->life = &r->life;
  cg_meter_begin(s, &r->meter, r->co);
  while (!waits && goes_on(r)) {
    waits = run_rule(r);
    if (!waits) r->at++;
  }
  cg_meter_end(s);
  s->life = NULL;
  if (cg_mem_failures() != failures) r->outage = CG_E_MEMORY;
  return waits;
}

/* ---- a state that is full ---- */

static struct cg_policy *compile_again(const struct cg_policy *p) {
  struct cg_field_errors errs = {.n = 0};
  struct cg_arena *arena = cg_arena_new(NULL, ERRORS_MAX);
  if (!arena) return NULL;
  struct cg_policy *next = cg_policy_new(p->bundle, &p->env, arena, &errs);
  cg_arena_free(arena, NULL);
  return next;
}

/* A policy that stores into variables outside decide fills the state for good.  When the
 * limit was met and collecting garbage does not help, the same bundle is compiled into a
 * fresh state, which decides from then on. */
static void renew_if_full(struct cg_policy *p) {
  struct cg_state *s = &p->state;
  if (!s->refused || p->successor) return;
  s->refused = false;
  lua_gc(s->L, LUA_GCCOLLECT);
  if (s->used <= s->limit / 2) return;
  p->successor = compile_again(p);
  if (p->env.log)
    CG_LOG(p->env.log, CG_WARN, "policies keep memory between requests; started afresh",
           {"policy_rev", p->bundle->revision, 0}, {"bytes", NULL, (int64_t)s->used});
}

static struct cg_policy *current(struct cg_policy *p) {
  while (p->successor && p->successor->successor) {
    struct cg_policy *old = p->successor;
    p->successor = cg_policy_ref(old->successor);
    cg_policy_unref(old);
  }
  return p->successor ? p->successor : p;
}

/* ---- a decision ---- */

static void finish(struct cg_run *r) {
  struct cg_policy *p = r->policy;
  cg_verdict_fn *fn = r->fn;
  void *arg = r->arg;
  const struct cg_verdict *v = cg_run_verdict(r);
  cg_run_give(r);
  renew_if_full(p);
  fn(arg, v);
  cg_policy_unref(p);
}

static void drive(struct cg_run *r) {
  while (burst(r))
    if (!cg_await_ask(r, drive)) return;
  finish(r);
}

static void begin(struct cg_run *r, const struct cg_ask *ask, struct cg_arena *arena) {
  r->life.generation++;
  r->ask = ask;
  r->arena = arena;
  r->meter = (struct cg_meter){.limits = &r->policy->env.limits.lua};
  r->at = 0;
  r->decider = NULL;
  r->resuming = r->not_utf8 = r->failed = r->starved = false;
  r->outage = CG_OK;
  r->answers = NULL;
  r->scopes = NULL;
  r->n_answers = r->n_scopes = r->n_said = 0;
  r->said = r->facts = (struct cg_list){0};
  r->awaits = 0;
  r->usage_bytes = 0;
}

void cg_policy_decide(struct cg_policy *p, const struct cg_ask *ask,
                      struct cg_arena *arena, cg_verdict_fn *fn, void *arg) {
  struct cg_err err;
  p = current(p);
  struct cg_verdict *v = cg_arena_zalloc(arena, sizeof(*v));
  struct cg_run *r = v ? cg_run_take(p, &err) : NULL;
  if (!r) {
    renew_if_full(p);
    fn(arg, &cg_verdict_no_memory);
    return;
  }
  begin(r, ask, arena);
  r->zone = cg_zones_of(p->env.zones, ask->camera->site);
  r->verdict = v;
  r->fn = fn;
  r->arg = arg;
  cg_policy_ref(p);
  drive(r);
}
