/* set.h - the policy set of one worker, from the inside. */
#ifndef CG_POLICY_SET_H
#define CG_POLICY_SET_H

#include "policy/run.h"

#define CG_RUNS_MAX 1024 /* decisions in flight at once */

struct cg_policy {
  unsigned refs;
  struct cg_policy_env env;
  const struct cg_bundle *bundle;
  struct cg_state state;
  struct cg_rule *rules;
  size_t n_rules;
  bool *lib_tried;     /* by index in the bundle */
  struct cg_run *runs; /* all of them */
  struct cg_run *idle;
  size_t n_runs;
  struct cg_policy *successor; /* renew.c; NULL: none needed */
};

/* compile.c: fills state and rules; all errors in errs. */
bool cg_policy_compile(struct cg_policy *p, struct cg_arena *arena,
                       struct cg_field_errors *errs) CG_MUST_USE;

/* pool.c: a run with its coroutine and req, or NULL with words. */
struct cg_run *cg_run_take(struct cg_policy *p, struct cg_err *err) CG_MUST_USE;
/* A new coroutine in place of one that failed. */
bool cg_run_renew(struct cg_run *r, struct cg_err *err) CG_MUST_USE;
void cg_run_give(struct cg_run *r); /* back to the pool */
void cg_runs_free(struct cg_policy *p);

/* renew.c.  A policy that stores into variables outside decide fills the state for good.
 * When the limit was met and collecting garbage does not help, the same bundle is
 * compiled into a fresh state, which decides from then on. */
void cg_policy_renew_if_full(struct cg_policy *p);
struct cg_policy *cg_policy_current(struct cg_policy *p);

/* verdict.c: what the words come to; r->verdict is filled. */
const struct cg_verdict *cg_run_verdict(struct cg_run *r);
/* Adds an answer's scopes to the verdict's; NULL, or what is wrong with them. */
const char *cg_verdict_add_scopes(struct cg_verdict *v, const struct cg_answer *a);
extern const struct cg_verdict cg_verdict_no_memory;

#endif
