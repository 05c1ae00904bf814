/* response.h - what a server says to our opening (RFC 6455 section 4.1), judged.
 *
 * 101 alone, Upgrade and Connection, the accept of our key, no extension, and of the
 * subprotocols one that was offered, or none.  Pure; no ownership, any thread.
 */
#ifndef CG_WS_RESPONSE_H
#define CG_WS_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define CG_WS_RESPONSE_MAX (16 * 1024) /* bytes of the head */
#define CG_WS_PROTOCOL_MAX 64

/* head: n bytes, the empty line included, which it may write NULs into.  protocols: as
 * offered, separated by ", "; NULL: none.  chosen becomes "" for none. */
bool cg_ws_response_judge(char *head, size_t n, const char *accept, const char *protocols,
                          char chosen[CG_WS_PROTOCOL_MAX + 1],
                          struct cg_err *err) CG_MUST_USE;

#endif
