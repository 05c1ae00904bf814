/* sandbox.h - the environment policies run in, built from nothing by an allow list.
 *
 * No library is left in the state; what policies may call is what the tables in
 * sandbox.c, lib_text.c and lib_table.c name.  The environment, `math` and `table` are
 * read-only proxies; reading an unknown name and setting a global raise.  Strings have
 * the text helpers as methods and nothing else.  There is no load, no metatable, no
 * coroutine, no pattern, no clock and no randomness: a decision depends on req, usage()
 * and the files.
 */
#ifndef CG_POLICY_SANDBOX_H
#define CG_POLICY_SANDBOX_H

#include "policy/state.h"

/* Fills s->env_ref and s->libs_ref.  [-0, +0, raises] */
void cg_sandbox_open(lua_State *L);

/* The function on top sees the environment as its globals.  [-0, +0] */
void cg_sandbox_enter(lua_State *L, int function_index);

/* Replaces the table on top by a read-only proxy of it.  [-1, +1, raises] */
void cg_sandbox_freeze(lua_State *L);

#endif
