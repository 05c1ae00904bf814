/* end.h - a lease ends, once, with everything that follows from it.
 *
 * Ending is decided in one place and at one instant, and needs no memory; what follows is
 * queued and done in slices that leave requests their turn, each on its own:
 *   - the end is recorded, tried again until the trail has it, while the worker runs;
 *     after a restart the lease is live in the trail, and lapses (end_rows.h);
 *   - the quota is given back, tried again until it would lapse by itself.  Whoever takes
 *     the place has a row behind the end's in the same queue (retry.h);
 *   - the participant is put out of the room, tried again until the SFU has answered,
 *     for as long as the token could be used (retry.h).
 * However many end at once, the log has a line or two a second (end_log.h).
 * Home's thread.
 */
#ifndef CG_LEASE_END_H
#define CG_LEASE_END_H

#include "lease/service.h"

struct cg_endings;
struct cg_endings *cg_endings_new(struct cg_service *g);
/* After the drivers.  Forgets what is open; NULL is fine. */
void cg_endings_free(struct cg_endings *e);
/* What a stop of the gate waits for: rows of ends, and what else goes well. */
size_t cg_endings_open(const struct cg_endings *e);

/* fn (may be NULL) hears once whether the first attempt to record it succeeded; at once
 * with true when the lease had ended before. */
void cg_lease_end(struct cg_service *g, struct cg_lease *l, enum cg_ended_by by,
                  const char *reason, void (*fn)(void *arg, bool recorded), void *arg);

/* One lapse from now, and not beyond its hard end; mono. */
int64_t cg_lease_lapses(const struct cg_service *g, const struct cg_lease *l);
/* From now on the lease ends by itself, when its deadlines say so. */
void cg_lease_watch(struct cg_service *g, struct cg_lease *l);

/* Releases what a lease held that is over or was never granted; tried again (retry.h). */
void cg_give_back(struct cg_service *g, const char *holding);
/* Puts a participant out; tried again. */
void cg_put_out(struct cg_service *g, const char *room, const char *identity);
/* A row that says the grant of this lease was undone after all: its own row came too late
 * to be sure of. */
void cg_record_undone(struct cg_service *g, struct cg_lease *l);

#endif
