/* index.h - the search tables, filled when nothing waits.
 *
 * by_subject, by_camera and by_hour hold the rows up to meta.indexed; a search reads them
 * and then the few newer rows one by one (query.h).  A slice is one transaction, so short
 * that a row which arrives meanwhile hardly waits. */
#ifndef AUD_INDEX_H
#define AUD_INDEX_H

#include "store.h"

#define AUD_SLICE_ROWS 2048

static inline int64_t aud_index_backlog(const struct aud_store *s) {
  return s->head.seq - s->indexed;
}

/* A failure leaves the store unusable (store.h). */
bool aud_index_slice(struct aud_store *s, struct aud_message *msg);

#endif
