/* errand.h - what is asked of the SFU about one room that is there: ops of the room kind.
 *
 * Each is one call to LiveKit; a room or participant that it does not know is success.
 * Without an SFU they succeed at once.  As the ABI says of remove, list and close.
 */
#ifndef ROOM_LIVEKIT_ERRAND_H
#define ROOM_LIVEKIT_ERRAND_H

#include "camgate_plugin.h"

void errand_remove(void *worker, const char *room, const char *identity,
                   struct cgp_call call);
void errand_list(void *worker, const char *room, struct cgp_call call);
void errand_close(void *worker, const char *room, struct cgp_call call);

#endif
