/* result.h - what a plugin's result must be before anybody reads it.
 *
 * A plugin shares our memory and cannot be held to everything, but a result that is not
 * there, texts that are NULL and counts without items are told apart from an answer here,
 * at the edge: the call ends CGP_E_INTERNAL, and the layers above read only what is
 * whole.  Each function says what is wrong in words, NULL: nothing.  Any thread, no
 * allocation.
 */
#ifndef CG_PLUGIN_RESULT_H
#define CG_PLUGIN_RESULT_H

#include "../../plugins/camgate_plugin.h"

typedef const char *cg_result_fn(const void *result);

cg_result_fn cg_result_any; /* for ops without a result */
cg_result_fn cg_result_there;
cg_result_fn cg_result_camera, cg_result_cameras, cg_result_verdict, cg_result_token,
    cg_result_servers, cg_result_appended, cg_result_rows, cg_result_reply;

#endif
