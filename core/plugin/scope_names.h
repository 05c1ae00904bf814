/* scope_names.h - names of scopes for a plugin of ABI 2.0, which knew 200 bytes.
 *
 * A longer one is given to it as its begin and a digest of the whole, so that the same
 * name stays the same and no two become one; what it answers is told by the name that was
 * asked with.  Any thread.
 */
#ifndef CG_PLUGIN_SCOPE_NAMES_H
#define CG_PLUGIN_SCOPE_NAMES_H

#include "../../plugins/camgate_plugin.h"
#include "plugin/call.h"

#define CG_SCOPE_NAME_2_0 200

/* The name itself, or in room where it is longer than that plugin may be given. */
const char *cg_scope_name_for(const struct cgp_plugin *abi, const char *name,
                              char room[CG_SCOPE_NAME_2_0 + 1]);

/* Of a call about these scopes: where one's name is too long, *scopes and who hears the
 * answer become ours until it is answered.  kind: of its result.  false: no memory. */
bool cg_scope_names_for(const struct cgp_plugin *abi, const struct cgp_scope **scopes,
                        size_t n, const struct cg_result_kind *kind, cg_call_fn **fn,
                        void **arg) CG_MUST_USE;

#endif
