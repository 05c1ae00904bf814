/* retry.h - what is asked of a plugin until it succeeds, many at once, with one pause.
 *
 * A queue of one kind: holdings to give back, participants to put out.  They are sent in
 * order, `per_call` in one call, at most `calls` calls at a time.  After a failure the
 * whole queue pauses (backoff.h), one line says how many wait, and one call goes first;
 * what failed waits at the end.  An item is given up when its time is over.  An item of a
 * lease lies in the lease and needs no memory.
 * Home's thread.
 */
#ifndef CG_LEASE_RETRY_H
#define CG_LEASE_RETRY_H

#include "lease/service.h"

#define CG_RETRIES_PER_CALL 128
#define CG_RETRIES_CALLS    32

struct cg_retry_kind {
  const char *trouble; /* of the line: what is not done yet */
  size_t per_call, calls;
  void (*send)(struct cg_service *g, struct cg_retry *const *items, size_t n,
               cg_call_fn *fn, void *arg);
};

struct cg_retries;
struct cg_retries *cg_retries_new(struct cg_service *g, const struct cg_retry_kind *kind);
/* After the drivers.  Forgets what is open; NULL is fine. */
void cg_retries_free(struct cg_retries *q);

/* Of a lease that has ended: e lies in it and keeps it.  id and room are the lease's. */
void cg_retries_add(struct cg_retries *q, struct cg_lease *l, struct cg_retry *e,
                    const char *id, int64_t until_mono_us);
/* Of no lease that is there.  false: no memory, or too many wait. */
bool cg_retries_add_copy(struct cg_retries *q, const char *id, const char *room,
                         int64_t until_mono_us);
/* Sends what may be sent now; else the loop's next turn does. */
void cg_retries_send(struct cg_retries *q);
/* Items that are not done and not in trouble. */
size_t cg_retries_open(const struct cg_retries *q);

#endif
