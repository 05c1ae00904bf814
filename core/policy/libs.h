/* libs.h - policies/lib/: shared code, reached with use("name").
 *
 * A lib file returns one value, usually a table, which all policies share read-only.  It
 * is loaded on first use while the set is loaded, so a running decision only looks it up.
 */
#ifndef CG_POLICY_LIBS_H
#define CG_POLICY_LIBS_H

#include "lua/state.h"

void cg_libs_open(lua_State *L); /* once per state  [-0, +0, raises] */
int cg_libs_use(lua_State *L);   /* Lua function use(name) */

#endif
