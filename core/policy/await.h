/* await.h - usage("scope"): a policy waits for the quota without blocking the loop.
 *
 * cg_await_usage yields; decide.c calls cg_await_ask, which asks env.usage, and resumes.
 * A scope asked twice in one decision is read once, so all policies see the same number.
 * A quota that does not answer ends the decision, whatever the policy catches.
 */
#ifndef CG_POLICY_AWAIT_H
#define CG_POLICY_AWAIT_H

#include "policy/run.h"

int cg_await_usage(lua_State *L); /* Lua function */

/* Asks for r->await_scope.  true: answered at once; false: drive(r) is called later. */
bool cg_await_ask(struct cg_run *r, void (*drive)(struct cg_run *r));

#endif
