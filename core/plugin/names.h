/* names.h - the ABI's rules of ids, and what the host asks with them.
 *
 * The one home of what camgate_plugin.h says of cameras, tiers, leases and scopes: what a
 * caller asks for is held against it, what a plugin answers (result.h), and what the host
 * is about to ask of a quota (drivers.h), so that plugins need no checks of their own.
 * Any thread, no allocation.
 */
#ifndef CG_PLUGIN_NAMES_H
#define CG_PLUGIN_NAMES_H

#include "../../plugins/camgate_plugin.h"

bool cg_camera_id_valid(const char *id);
bool cg_tier_name_valid(const char *name);
bool cg_scope_name_valid(const char *name);

/* What is wrong with a request, in words for CGP_E_INVALID; NULL: nothing. */
const char *cg_reserve_odd(const struct cgp_quota_reserve *req);
const char *cg_hold_odd(const struct cgp_quota_hold *hold);
const char *cg_lease_ids_odd(const char *const *ids, size_t n);

#endif
