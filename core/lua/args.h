/* args.h - arguments and keys of Lua as C takes them, so that nothing of them is lost.
 *
 * C ends a text at NUL and a function knows how many arguments it reads; Lua hides both:
 * has_role("admin\0x") would ask for "admin", has_role("a", "b") for the first alone.
 */
#ifndef CG_LUA_ARGS_H
#define CG_LUA_ARGS_H

#include <lauxlib.h>
#include <lua.h>

/* The string at index; NULL: it is none, or holds NUL.  [-0, +0] */
const char *cg_lua_text(lua_State *L, int index);
/* Argument n, a string (or number) without NUL.  [-0, +0, raises] */
const char *cg_lua_check_text(lua_State *L, int n);
/* No more arguments than n.  [-0, +0, raises] */
void cg_lua_at_most(lua_State *L, int n);

#endif
