/* health.h - does the SFU answer?  One light ListRooms at most once a second per
 * worker.
 *
 * Calls that come while one is on its way wait for it; later ones get the kept verdict.
 */
#ifndef ROOM_LIVEKIT_HEALTH_H
#define ROOM_LIVEKIT_HEALTH_H

#include "camgate_plugin.h"
#include "twirp.h"

struct health;

struct health *health_new(struct cgp_host *h, struct twirp *t, const char *base);
void health_free(struct health *v); /* after twirp_free */

void health_tell(struct health *v, struct cgp_call call); /* result: cgp_health */

#endif
