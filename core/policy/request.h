/* request.h - `req`, as policies see it: read-only views over struct cg_ask, in place.
 *
 * One userdata per pooled run and one for each of its parts (subject, camera, time,
 * lease); nothing is copied until a policy reads it.  What never changes (the parts, the
 * methods) lies in tables that Lua reads by itself; the rest is computed at each use.
 * Lists (roles, sites, tags) are fresh tables; claims and attributes are views over JSON,
 * walked with pairs, ipairs, # and dots.  A view of another decision raises instead of
 * reading.
 */
#ifndef CG_POLICY_REQUEST_H
#define CG_POLICY_REQUEST_H

#include "policy/run.h"

/* A req userdata for the run.  [-0, +1, raises] */
void cg_request_push(lua_State *L, struct cg_run *r);

#endif
