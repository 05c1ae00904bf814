/* people.h - who is in a room: ListParticipants, and the room's sid from ListRooms.
 *
 * The sid is asked for behind the participants, and only when somebody is there: should
 * the room be made again in between, they are told with the new room's sid, and no event
 * of the old room is taken for theirs.  It is asked for once as long as one who was there
 * then is still there.  That worker's thread.
 */
#ifndef ROOM_LIVEKIT_PEOPLE_H
#define ROOM_LIVEKIT_PEOPLE_H

#include "camgate_plugin.h"
#include "twirp.h"

struct people;

/* again_ms: told with every list. */
struct people *people_new(struct cgp_host *h, struct twirp *t, uint32_t again_ms);
void people_free(struct people *p); /* after twirp_free; its calls are left to the host */

void people_list(struct people *p, const char *room, struct cgp_call call);

#endif
