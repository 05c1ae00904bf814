/* libs.h - policies/lib/: shared code, reached with use("name").
 *
 * A lib file returns one value, usually a table, which all policies share read-only.  It
 * is loaded on first use while the set is loaded, so a running decision only looks it up.
 */
#ifndef CG_POLICY_LIBS_H
#define CG_POLICY_LIBS_H

#include "policy/bundle.h"
#include "policy/state.h"

/* The file's text as a function in the policies' environment.  [-0, +1, raises] */
void cg_chunk_load(lua_State *L, const struct cg_bundle_file *file);

int cg_libs_use(lua_State *L); /* Lua function use(name) */

#endif
