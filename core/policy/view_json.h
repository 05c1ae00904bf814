/* view_json.h - JSON (claims, attributes) as policies see it: read-only views in place.
 *
 * Scalars become Lua values (null: nil; integers stay integers), objects and arrays
 * become views with `.`, `[]`, `#`; pairs and ipairs walk them.  A view belongs to one
 * decision.
 */
#ifndef CG_POLICY_VIEW_JSON_H
#define CG_POLICY_VIEW_JSON_H

#include "policy/run.h"

void cg_json_view_open(lua_State *L); /* once per state  [-0, +0, raises] */
/* value NULL: an empty object.  [-0, +1, raises] */
void cg_json_view(lua_State *L, struct cg_run *r, json_t *value);
bool cg_json_is_view(lua_State *L, int index); /* [-0, +0] */
/* next(view, key): view at 1, key at 2.  [-0, +2, or +1 nil at the end, raises] */
int cg_json_view_next(lua_State *L);

#endif
