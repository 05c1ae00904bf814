/* shared.h - one message that goes to many sockets, rendered once.
 *
 * A server's frames are not masked, so the same bytes serve all: the larger ones are
 * queued by reference and copied for nobody, the smaller ones are cheaper to copy than
 * to count.  Whoever makes it holds one reference, each queue that it waits in another;
 * the last one frees it.  One thread.
 */
#ifndef CG_WS_SHARED_H
#define CG_WS_SHARED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "ws/frames.h"

struct cg_ws_shared;

/* NULL: no memory. */
struct cg_ws_shared *cg_ws_share(enum cg_ws_type type, const void *data,
                                 size_t len) CG_MUST_USE;
void cg_ws_shared_drop(struct cg_ws_shared *s);

/* ---- for ws/ ---- */

size_t cg_ws_shared_len(const struct cg_ws_shared *s); /* of the frame */
/* False: no memory, nothing was queued. */
bool cg_ws_shared_queue(struct cg_ws_shared *s, struct evbuffer *out) CG_MUST_USE;

#endif
