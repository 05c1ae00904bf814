/* seen.h - which webhook events came already, over all workers.
 *
 * The SFU repeats an event until it gets a 2xx, and a repetition may land on another
 * worker: so one table for all, behind a lock that is held for a scan of 32 KiB.
 * Webhooks are no request path.  What is older than the last 4096 events is forgotten;
 * the sids in the events make a late repetition harmless.
 */
#ifndef ROOM_LIVEKIT_SEEN_H
#define ROOM_LIVEKIT_SEEN_H

#include <stdbool.h>

struct seen;

struct seen *seen_new(void); /* NULL: out of memory */
void seen_free(struct seen *s);

/* true: it was there already.  Any thread. */
bool seen_before(struct seen *s, const char *id);

#endif
