/* sandbox.h - the environment a file runs in, built from nothing by an allow list.
 *
 * No library is left in the state; what a file may call is what the tables in sandbox.c,
 * lib_text.c and lib_table.c name, and what the state's owner adds.  `math` and `table`
 * are read-only proxies.  Strings have the text helpers as methods and nothing else.
 * There is no load, no metatable, no coroutine, no pattern, no clock and no randomness.
 */
#ifndef CG_LUA_SANDBOX_H
#define CG_LUA_SANDBOX_H

#include "lua/state.h"

struct cg_sandbox {
  const luaL_Reg *functions; /* the owner's, up to {NULL, NULL} */
  /* __index of unknown names and __newindex of globals, with which the environment is
   * read-only; both NULL: an unknown name is nil, a global is set. */
  lua_CFunction unknown, global;
};

/* Fills the state's env_ref.  Once per state.  [-0, +0, raises] */
void cg_sandbox_open(lua_State *L, const struct cg_sandbox *sandbox);

/* Text in Lua as a function in that environment; errors begin with "NAME:LINE:".
 * [-0, +1, raises] */
void cg_sandbox_load(lua_State *L, const char *name, const char *text, size_t n);

/* Replaces the table on top by a read-only proxy of it.  [-1, +1, raises] */
void cg_sandbox_freeze(lua_State *L);

#endif
