/* index.h - the search tables, filled when nothing waits.
 *
 * by_subject, by_camera and by_hour hold the rows up to meta.indexed; a search reads them
 * and then the few newer rows one by one (query.h).  One slice is one transaction, short
 * enough that a row which arrives meanwhile hardly notices. */
#ifndef AUD_INDEX_H
#define AUD_INDEX_H

#include "store.h"

#define AUD_SLICE_ROWS 512

static inline int64_t aud_index_backlog(const struct aud_store *s) {
  return s->head.seq - s->indexed;
}

/* As every failure of the store, this one too leaves it unusable. */
bool aud_index_slice(struct aud_store *s, struct aud_message *msg);

#endif
