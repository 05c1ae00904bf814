/* pool.h - runs of a policy set, made once and used again; at most 1024 at a time.
 *
 * They are freed with the set only: a req that a policy kept in a variable may outlive
 * its decision, and points to its run.
 */
#ifndef CG_POLICY_POOL_H
#define CG_POLICY_POOL_H

#include "policy/run.h"

/* A run with its coroutine and req.  NULL: *err says why. */
struct cg_run *cg_run_take(struct cg_policy *p, struct cg_err *err) CG_MUST_USE;
/* A new coroutine in place of one that failed. */
bool cg_run_renew(struct cg_run *r, struct cg_err *err) CG_MUST_USE;
void cg_run_give(struct cg_run *r);     /* back to the pool */
void cg_runs_free(struct cg_policy *p); /* after the state is closed */

#endif
