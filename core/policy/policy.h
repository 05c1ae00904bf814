/* policy.h - one worker's policies: a Lua state, and decisions run in it.
 *
 * cg_policy_new compiles a bundle into a state of its own: allow-list environment built
 * from nothing, text chunks only, memory counted by the allocator.  It checks every file
 * (returns one table; name, decide; known keys only; match of known tests) and reports
 * all that is wrong at once.
 *
 * cg_policy_decide runs the policies whose match holds, in name order, inside one pooled
 * coroutine, and gives exactly one verdict, now or later (a policy may await usage()).
 * Everything that touches the Lua stack with data runs protected.  Combination: any deny
 * denies; at least one allow is needed; lowest max, smallest ttl, lowest limit per
 * scope, highest priority win; scopes add up.  An error, an odd value, a broken limit: a
 * deny with policy_error set, of that decision alone.  The first deny or error decides;
 * policies after it are asked only in explain mode, and do not change the verdict.
 *
 * When the gate has no memory, or the quota cannot be read, the verdict's `outage` says
 * so: nothing was decided, and who asks again later may hear something else.
 *
 * Limits (env.h) are sticky: once one is hit the coroutine cannot go on, whatever it
 * catches.  Waiting is free.  A decision in flight holds a reference, so a reload lets it
 * finish on the state it began on.  One worker's thread.
 */
#ifndef CG_POLICY_POLICY_H
#define CG_POLICY_POLICY_H

#include "base/arena.h"
#include "policy/ask.h"
#include "policy/bundle.h"
#include "policy/env.h"

struct cg_policy;

/* All errors of all files in errs (pointer = "file:line").  NULL: refused. */
struct cg_policy *cg_policy_new(const struct cg_bundle *bundle,
                                const struct cg_policy_env *env, struct cg_arena *arena,
                                struct cg_field_errors *errs) CG_MUST_USE;
struct cg_policy *cg_policy_ref(struct cg_policy *p);
void cg_policy_unref(struct cg_policy *p); /* NULL is fine */
const char *cg_policy_revision(const struct cg_policy *p);
const struct cg_zones *cg_policy_zones(const struct cg_policy *p); /* as in its env */

/* The verdict and all it points to live in `arena`; ask must stay until fn has run.  fn
 * may run before this returns. */
void cg_policy_decide(struct cg_policy *p, const struct cg_ask *ask,
                      struct cg_arena *arena, cg_verdict_fn *fn, void *arg);

#endif
