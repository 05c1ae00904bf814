/* batch.h - groups that wait for the disk: which come next, which waited too long, and to
 * whose inboxes their answers go.
 *
 * The writer's thread. */
#ifndef AUD_BATCH_H
#define AUD_BATCH_H

#include "message.h"
#include "row.h"

#define AUD_BATCH_ROWS 4096   /* in one commit, so that none of them waits for long */
#define AUD_LATE_US    800000 /* a group that waited longer is refused, not written */

struct aud_batch {
  struct aud_reply *first, **last; /* NULL-terminated, as late */
  struct aud_reply *late, **last_late;
  int64_t rows, late_rows;
};

/* Takes the next batch off the chain. */
void aud_batch_cut(struct aud_reply **taken, int64_t now_us, struct aud_batch *ret);

/* Sorts a chain into its inboxes' `staged`; why NULL: written.  -> those inboxes, linked
 * by next_staged */
struct aud_inbox *aud_batch_stage(struct aud_reply *chain, const struct aud_message *why);

#endif
