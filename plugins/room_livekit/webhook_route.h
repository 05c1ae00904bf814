/* webhook_route.h - POST /webhook/livekit: refused, or its event is given to the host.
 *
 * An event that came before is answered and dropped; a room that closed is forgotten on
 * every worker.  The thread of the worker that the request landed on.
 */
#ifndef ROOM_LIVEKIT_WEBHOOK_ROUTE_H
#define ROOM_LIVEKIT_WEBHOOK_ROUTE_H

#include "camgate_plugin.h"

void webhook_route(void *worker, const struct cgp_http_request *req,
                   struct cgp_call call);

#endif
