/* restore.h - after a restart: the leases that the trail says are live.
 *
 * Runs before any listener opens.  Every lease granted and not ended comes back to its
 * home, with the terms (terms.h) that its newest decision or change row holds and one
 * lapse (conf->lapse_s) to beat in, never beyond its hard end.  Its place in the quota is
 * taken again without refusal: who holds, keeps.  Where the trail says that the wall
 * clock was set behind a row, that row's times are read so.  What nobody beats for lapses
 * like any other lease, with its row.  A row that cannot be read is logged, and its lease
 * stays away.
 */
#ifndef CG_LEASE_RESTORE_H
#define CG_LEASE_RESTORE_H

#include "lease/service.h"

/* fn runs once, on g's thread; err is NULL when everything is back.  n: leases. */
void cg_restore(struct cg_service *g,
                void (*fn)(void *arg, const struct cg_err *err, size_t n), void *arg);

#endif
