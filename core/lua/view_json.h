/* view_json.h - JSON as Lua sees it: read-only views in place.
 *
 * Scalars become Lua values (null: nil; integers stay integers), objects and arrays
 * become views with `.`, `[]`, `#`; pairs and ipairs walk them.  Nothing is copied, so a
 * view can be read only while the life that it was made in runs (cg_state.life) and its
 * generation is the same; a view that Lua kept for longer raises.
 */
#ifndef CG_LUA_VIEW_JSON_H
#define CG_LUA_VIEW_JSON_H

#include <jansson.h>

#include "lua/state.h"

/* One use of a state after the other; may not be freed before the state. */
struct cg_view_life {
  uint64_t generation; /* grows when the JSON of the last use may go */
};

void cg_view_json_open(lua_State *L); /* once per state  [-0, +0, raises] */
/* A view of value, borrowed; NULL: an empty object.  [-0, +1, raises] */
void cg_view_json_push(lua_State *L, const struct cg_view_life *life, json_t *value);
bool cg_view_json_is(lua_State *L, int index); /* [-0, +0] */
/* next(view, key): view at 1, key at 2.  [-0, +2, or +1 nil at the end, raises] */
int cg_view_json_next(lua_State *L);

#endif
