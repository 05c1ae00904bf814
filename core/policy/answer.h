/* answer.h - what a policy may answer: allow, cap, deny, and the scope() they carry.
 *
 * The constructors check every field at once and raise on anything odd, so the error has
 * the policy's line.  What they give to Lua is a light userdata: the address of a struct
 * in the decision's arena.  It is never trusted: cg_answer_returned and the scopes list
 * look the address up among those this decision made.
 */
#ifndef CG_POLICY_ANSWER_H
#define CG_POLICY_ANSWER_H

#include "policy/run.h"

/* Lua functions: allow{...}, cap{...}, deny(text), scope(name, limit[, "kbps"]). */
int cg_answer_allow(lua_State *L);
int cg_answer_cap(lua_State *L);
int cg_answer_deny(lua_State *L);
int cg_answer_scope(lua_State *L);

/* The answer that rule `r->at` returned at `index` of its coroutine, or NULL: none of its
 * own.  Raises nothing, allocates nothing. */
const struct cg_answer *cg_answer_returned(const struct cg_run *r, lua_State *co,
                                           int index);

#endif
