/* request.h - `req`, as policies see it: read-only views over struct cg_ask, in place.
 *
 * One userdata per pooled run, with its parts (subject, camera, time, lease) as user
 * values; nothing is copied until a policy reads it.  Lists (roles, sites, tags) are
 * fresh tables; claims and attributes are views over JSON, walked with pairs, ipairs, #
 * and dots.  A view of another decision raises instead of reading.
 */
#ifndef CG_POLICY_REQUEST_H
#define CG_POLICY_REQUEST_H

#include "policy/run.h"

/* The views' metatables; once per state.  [-0, +0, raises] */
void cg_request_open(lua_State *L);
/* A req userdata for the run.  [-0, +1, raises] */
void cg_request_push(lua_State *L, struct cg_run *r);

#endif
