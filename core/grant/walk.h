/* walk.h - a grant's walk through the steps of its operation.
 *
 * The walk runs one row of the table after another; a step ends by cg_step_done,
 * cg_step_fail or cg_step_refuse (step.h), at once or later.  When one fails, it and the
 * finished ones are undone, newest first; then only the rows marked `always` run: the
 * failure is audited, too.  The caller's function runs exactly once, on the worker where
 * the grant began, after the audit row is durable.
 *
 * A grant goes on to its end when the client leaves; what a client did not receive is
 * ended by the caller (cg_grant_abandon).
 */
#ifndef CG_GRANT_WALK_H
#define CG_GRANT_WALK_H

#include "grant/grant.h"

/* g: zeroed by the caller but for in.  fn runs exactly once, possibly before this
 * returns.  Origin's thread. */
void cg_grant_start(struct cg_service *origin, struct cg_grant *g, cg_grant_fn *fn,
                    void *arg);
/* Inside fn, when the client is gone: a new lease that nobody heard of is ended, unless
 * an Idempotency-Key says that the client will come back for it. */
void cg_grant_abandon(struct cg_grant *g);

#endif
