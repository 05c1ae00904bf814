/* webhook_ids.h - which webhook events are kept already, over all workers.
 *
 * The SFU repeats an event until it gets a 2xx, and a repetition may land on another
 * worker: so one table for all, behind a lock that is held for a scan of 32 KiB.
 * Webhooks are no request path.  An event is remembered once it is kept, not before: one
 * that could not be recorded must be taken when it comes again.  What is older than the
 * last 4096 events is forgotten; the sids in the events make a late repetition harmless.
 */
#ifndef ROOM_LIVEKIT_WEBHOOK_IDS_H
#define ROOM_LIVEKIT_WEBHOOK_IDS_H

#include <stdbool.h>
#include <stdint.h>

struct webhook_ids;

struct webhook_ids *webhook_ids_new(void); /* NULL: out of memory */
void webhook_ids_free(struct webhook_ids *ids);

uint64_t webhook_id_hash(const char *id); /* of "" it is 0: an event without an id */

/* Both by the hash; of 0 they are false.  Any thread. */
bool webhook_ids_has(struct webhook_ids *ids, uint64_t hash);
bool webhook_ids_keep(struct webhook_ids *ids, uint64_t hash); /* true: it was there */

#endif
