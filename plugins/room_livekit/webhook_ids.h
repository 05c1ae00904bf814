/* webhook_ids.h - which webhook events came already, over all workers.
 *
 * The SFU repeats an event until it gets a 2xx, and a repetition may land on another
 * worker: so one table for all, behind a lock that is held for a scan of 32 KiB.
 * Webhooks are no request path.  What is older than the last 4096 events is forgotten;
 * the sids in the events make a late repetition harmless.
 */
#ifndef ROOM_LIVEKIT_WEBHOOK_IDS_H
#define ROOM_LIVEKIT_WEBHOOK_IDS_H

#include <stdbool.h>

struct webhook_ids;

struct webhook_ids *webhook_ids_new(void); /* NULL: out of memory */
void webhook_ids_free(struct webhook_ids *ids);

/* true: it was there already.  Any thread. */
bool webhook_ids_repeated(struct webhook_ids *ids, const char *id);

#endif
