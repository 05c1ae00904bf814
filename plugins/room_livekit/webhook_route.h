/* webhook_route.h - POST /webhook/livekit: refused, or its event is given to the host.
 *
 * An event is answered with 200 when the host has kept it, and with 503 when it could
 * not: the SFU sends it again after a second or two.  One that was kept before is
 * answered and dropped; one that comes again meanwhile is given to the host, too, which
 * has it share the outcome of the first.  At most WEBHOOKS_OPEN wait at a time.  A room
 * that closed is forgotten on every worker.  The thread of the worker that the request
 * landed on.
 */
#ifndef ROOM_LIVEKIT_WEBHOOK_ROUTE_H
#define ROOM_LIVEKIT_WEBHOOK_ROUTE_H

#include "camgate_plugin.h"

#define WEBHOOKS_OPEN 256

void webhook_route(void *worker, const struct cgp_http_request *req,
                   struct cgp_call call);

#endif
