/* run.h - one decision in flight: what its coroutine, its req view and its answers share.
 *
 * Runs are pooled per policy set: coroutine, req userdata and this struct are made once
 * and used for many decisions, one after the other.  `ask` is NULL while a run is idle,
 * and the life's generation grows with each decision, so that a view which a policy kept
 * raises instead of reading freed memory.  What the lists hold lies in the decision's
 * arena.
 */
#ifndef CG_POLICY_RUN_H
#define CG_POLICY_RUN_H

#include "base/arena.h"
#include "base/list.h"
#include "lua/meter.h"
#include "lua/view_json.h"
#include "policy/rule.h"

#define CG_ANSWERS_MAX    256 /* allow, cap, deny made by one decision */
#define CG_SCOPE_SAID_MAX 256 /* scope() calls of one decision */

/* scope(name, limit[, "kbps"]) */
struct cg_scope_said {
  struct cg_scope_said *next;
  struct cg_scope_ask ask;
};

/* allow, cap or deny; Lua holds its address as a light userdata. */
struct cg_answer {
  struct cg_answer *next; /* of the decision, newest first */
  struct cg_word word;
  int64_t priority;
  const struct cg_scope_said **scopes;
  size_t n_scopes;
};

/* A policy has spoken. */
struct cg_said {
  struct cg_link link;
  const struct cg_word *word;
  const struct cg_answer *answer; /* NULL: no opinion or error */
  bool not_utf8;
};

/* A usage() value read. */
struct cg_fact {
  struct cg_link link;
  const char *scope;
  uint64_t in_use;
};

/* What a policy sees of the request (request.h). */
enum cg_view {
  CG_VIEW_SUBJECT,
  CG_VIEW_CAMERA,
  CG_VIEW_TIME,
  CG_VIEW_LEASE,
  CG_VIEW_REQ, /* holds the others */
  CG_VIEWS
};

struct cg_run {
  struct cg_policy *policy;
  lua_State *co; /* NULL: to be made */
  int co_ref, req_ref;
  const void *views[CG_VIEWS]; /* userdata, which live as long as req */
  struct cg_view_life life;
  struct cg_link in_runs, in_idle; /* of the policy set */

  const struct cg_ask *ask; /* NULL: idle */
  struct cg_arena *arena;
  cg_verdict_fn *fn;
  void *arg;
  struct cg_verdict *verdict;
  const struct cg_zone *zone; /* of the camera's site */
  struct cg_meter meter;
  size_t at;                     /* the rule that runs */
  const struct cg_word *decider; /* the first deny or error */
  bool resuming;                 /* the rule waits for usage() */
  bool not_utf8;                 /* a text that the rule gave was not UTF-8 */
  bool failed;                   /* its coroutine cannot be used again */
  bool starved;                  /* the arena ran out while a word was kept */
  enum cg_code outage;           /* what kept it from deciding; no fault of a policy */

  struct cg_answer *answers;
  struct cg_scope_said *scopes;
  size_t n_answers, n_scopes;
  struct cg_list said; /* of struct cg_said, in the order they spoke */
  size_t n_said;
  struct cg_list facts; /* of struct cg_fact, in the order read */
  json_t *attributes;   /* the camera's, parsed on first use */

  /* usage() */
  uint32_t awaits;
  size_t usage_bytes; /* of the facts, at most */
  const char *await_scope;
  void (*drive)(struct cg_run *r);
  bool asking, answered, usage_ok;
  uint64_t in_use;
  char usage_text[512];
};

const struct cg_tiers *cg_run_tiers(const struct cg_run *r);
/* The rule that runs. */
const struct cg_rule *cg_run_rule(const struct cg_run *r);
/* The decision that runs now; raises outside of one. */
struct cg_run *cg_run_of(lua_State *L, const char *what);
/* Memory of the decision's arena, zeroed; without it the meter breaks.  [raises] */
void *cg_run_alloc(lua_State *L, struct cg_run *r, size_t n);
const char *cg_run_strdup(lua_State *L, struct cg_run *r, const char *s, size_t n);

/* A text of the rule that runs is one line: not empty, no control characters. */
bool cg_run_is_line(const char *s, size_t n);
/* It in the arena, as UTF-8 of at most `most` bytes: U+FFFD stands for what is none, and
 * the log and the rule's word say so.  [raises] */
const char *cg_run_text(lua_State *L, struct cg_run *r, const char *s, size_t n,
                        size_t most);
/* The same for what Lua itself says; NULL: no memory. */
const char *cg_run_message(struct cg_run *r, const char *s, size_t n, size_t most);

#endif
