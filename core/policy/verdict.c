#include "policy/verdict.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/civil.h"
#include "base/mem.h"
#include "policy/set.h"

const struct cg_verdict cg_verdict_no_memory = {
    .policy_error = true,
    .outage = CG_E_MEMORY,
    .reason = "the gate has no memory left for a decision",
    .rule = "",
    .file = "",
    .max_rule = "",
    .facts = "{}",
    .zone = "",
};

/* The request's own memory is used up, by its policies. */
static const struct cg_verdict too_much = {
    .policy_error = true,
    .reason = "policy_error",
    .rule = "",
    .file = "",
    .max_rule = "",
    .facts = "{}",
    .zone = "",
};

/* Copies into the decision's arena, where everything of a verdict lives. */
static const char *keep(struct cg_run *r, const char *s) {
  const char *copy = *s ? cg_arena_strdup(r->arena, s) : "";
  if (!copy) r->starved = true;
  return copy ? copy : "";
}

static void set_rule(struct cg_run *r, const struct cg_word *w) {
  struct cg_verdict *v = r->verdict;
  v->rule = keep(r, w->policy);
  v->file = keep(r, w->file);
  v->line = w->line;
}

static void refuse(struct cg_run *r, const struct cg_word *w, const char *reason) {
  r->verdict->allow = false;
  r->verdict->policy_error = w->kind != CG_WORD_DENY;
  r->verdict->reason = reason;
  r->verdict->n_scopes = 0;
  set_rule(r, w);
}

/* The lowest limit of a scope wins. */
static const char *add_scope(struct cg_verdict *v, const struct cg_scope_ask *s) {
  for (size_t i = 0; i < v->n_scopes; i++) {
    struct cg_scope_ask *have = &v->scopes[i];
    if (strcmp(have->name, s->name) != 0) continue;
    if (s->limit < have->limit) have->limit = s->limit;
    return have->weighted == s->weighted
               ? NULL
               : "a scope is counted by one answer, weighted by another";
  }
  if (v->n_scopes == CG_SCOPES_MAX) return "the policies name too many scopes together";
  v->scopes[v->n_scopes++] = *s;
  return NULL;
}

const char *cg_verdict_add_scopes(struct cg_verdict *v, const struct cg_answer *a) {
  const char *wrong = NULL;
  for (size_t i = 0; i < a->n_scopes && !wrong; i++)
    wrong = add_scope(v, &a->scopes[i]->ask);
  return wrong;
}

/* Returns the word that set the lowest max, if any did. */
static void constrain(struct cg_verdict *v, const struct cg_word *w,
                      const struct cg_word **ret_capping) {
  if (w->max != CG_TIER_NONE && (!*ret_capping || w->max < v->max)) {
    v->max = w->max;
    *ret_capping = w;
  }
  if (w->ttl_s && (!v->ttl_s || w->ttl_s < v->ttl_s)) v->ttl_s = w->ttl_s;
}

static void combine(struct cg_run *r) {
  struct cg_verdict *v = r->verdict;
  const struct cg_word *capping = NULL, *allowing = NULL;
  for (struct cg_link *at = r->said.first; at; at = at->next) {
    const struct cg_answer *a = CG_CONTAINER(at, struct cg_said, link)->answer;
    if (!a) continue;
    constrain(v, &a->word, &capping);
    if (a->word.kind == CG_WORD_ALLOW) {
      if (!allowing || a->priority > v->priority) v->priority = a->priority;
      if (!allowing) allowing = &a->word;
    }
  }
  v->allow = allowing != NULL;
  if (!allowing) {
    v->reason = "no policy allows this";
    v->n_scopes = 0;
  }
  if (capping) v->max_rule = keep(r, capping->policy);
  if (allowing) set_rule(r, capping ? capping : allowing);
}

static void keep_words(struct cg_run *r) {
  struct cg_word *words = cg_arena_zalloc(r->arena, (r->n_said + 1) * sizeof(*words));
  if (!words) {
    r->starved = true;
    return;
  }
  size_t n = 0;
  for (struct cg_link *at = r->said.first; at; at = at->next, n++) {
    const struct cg_said *s = CG_CONTAINER(at, struct cg_said, link);
    words[n] = *s->word;
    words[n].not_utf8 = s->not_utf8;
    words[n].policy = keep(r, s->word->policy);
    words[n].file = keep(r, s->word->file);
  }
  r->verdict->words = words;
  r->verdict->n_words = n;
}

static void keep_facts(struct cg_run *r) {
  if (!r->facts.first) return;
  struct cg_buf b;
  cg_buf_init(&b, CG_USAGE_FACTS_MAX);
  cg_json_open(&b, NULL, '{');
  for (struct cg_link *at = r->facts.first; at; at = at->next) {
    const struct cg_fact *f = CG_CONTAINER(at, struct cg_fact, link);
    cg_json_name(&b, f->scope);
    cg_json_int(&b, NULL, (int64_t)f->in_use);
  }
  cg_json_close(&b, '}');
  if (cg_buf_ok(&b))
    r->verdict->facts = keep(r, cg_buf_text(&b));
  else
    r->starved = true;
  cg_buf_done(&b);
}

static void judge(struct cg_run *r) {
  struct cg_verdict *v = r->verdict;
  const struct cg_word *d = r->decider;
  if (!d) {
    combine(r);
    return;
  }
  refuse(r, d, d->kind == CG_WORD_DENY ? d->reason : "policy_error");
  if (!v->policy_error || r->outage == CG_OK) return;
  v->outage = r->outage;
  v->reason = d->reason;
}

static void keep_time(struct cg_run *r) {
  r->verdict->zone = keep(r, r->zone->name);
  cg_zone_local(r->zone, cg_seconds_of(r->ask->now_us), &r->verdict->local);
}

const struct cg_verdict *cg_run_verdict(struct cg_run *r) {
  struct cg_verdict *v = r->verdict;
  uint64_t failures = cg_mem_failures();
  v->reason = v->rule = v->file = v->max_rule = v->zone = "";
  v->facts = "{}";
  v->max = r->policy->env.tiers->n - 1;
  judge(r);
  keep_words(r);
  keep_facts(r);
  if (r->ask->explain) keep_time(r);
  v->cpu_us = r->meter.cpu_us;
  if (!r->starved) return v;
  bool ours = r->outage == CG_E_MEMORY || cg_mem_failures() != failures;
  return ours ? &cg_verdict_no_memory : &too_much;
}
