/* errand.h - what is asked of a plugin until it succeeds, many at once, with one pause.
 *
 * A queue of errands of one kind: holdings to give back, participants to put out.  They
 * are sent in order, `per_call` in one call, at most `calls` calls at a time.  After a
 * failure the whole queue pauses (250 ms, doubling up to 10 s), one line says how many
 * wait, and one call goes first; what failed waits at the end.  An errand is given up
 * when its time is over.  An errand of a lease lies in the lease and needs no memory.
 * Home's thread.
 */
#ifndef CG_LEASE_ERRAND_H
#define CG_LEASE_ERRAND_H

#include "lease/service.h"

#define CG_ERRANDS_PER_CALL 128
#define CG_ERRANDS_CALLS    32

struct cg_errand_kind {
  const char *trouble; /* of the line: what is not done yet */
  size_t per_call, calls;
  void (*send)(struct cg_service *g, struct cg_errand *const *items, size_t n,
               cg_call_fn *fn, void *arg);
};

struct cg_errands;
struct cg_errands *cg_errands_new(struct cg_service *g,
                                  const struct cg_errand_kind *kind);
/* After the drivers.  Forgets what is open; NULL is fine. */
void cg_errands_free(struct cg_errands *q);

/* Of a lease that has ended: e lies in it and keeps it.  id and room are the lease's. */
void cg_errands_add(struct cg_errands *q, struct cg_lease *l, struct cg_errand *e,
                    const char *id, int64_t until_us);
/* Of nobody's.  false: no memory, or too many wait. */
bool cg_errands_add_copy(struct cg_errands *q, const char *id, const char *room,
                         int64_t until_us);
/* Sends what may be sent now; else the loop's next turn does. */
void cg_errands_send(struct cg_errands *q);
/* Errands that are not done and not in trouble. */
size_t cg_errands_open(const struct cg_errands *q);

#endif
