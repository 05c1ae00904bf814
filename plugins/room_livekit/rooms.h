/* rooms.h - rooms that this worker knows to exist, and those being opened.
 *
 * A room is remembered for much less than its empty timeout, so the SFU cannot have
 * cleaned it up in between, and one that a restart took away is missed for no longer than
 * that; rooms_forget drops it when the SFU says that it is gone.  Ensures of one
 * room while it is being opened wait for the one request.  Bounds: 4096 remembered rooms
 * (the oldest goes first); rooms being opened are bounded by the calls that wait for
 * them.  That worker's thread only.
 */
#ifndef ROOM_LIVEKIT_ROOMS_H
#define ROOM_LIVEKIT_ROOMS_H

#include "camgate_plugin.h"
#include "twirp.h"

#define ROOMS_KNOWN_MAX 4096
#define ROOM_NAME_BYTES 128

struct rooms_config {
  uint32_t empty_timeout_s, departure_timeout_s, max_participants;
  uint32_t remember_ms;
};

struct rooms;

struct rooms *rooms_new(struct cgp_host *h, struct twirp *t,
                        const struct rooms_config *c);
void rooms_free(
    struct rooms *r); /* after twirp_free; waiting calls are left to the host */

/* Completes call when the room exists. */
void rooms_ensure(struct rooms *r, const char *room, struct cgp_call call);
void rooms_forget(struct rooms *r, const char *room);

#endif
