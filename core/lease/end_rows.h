/* end_rows.h - the ends of leases on their way into the trail: exactly one row each.
 *
 * Leases wait in a queue and are handed to the trail in groups, a group a turn of the
 * loop, so that requests have theirs, and at most so many at a time that the rows of
 * others wait little.  Those whose end somebody waits for go first and never wait for a
 * pause; when the trail takes longer than a row may (cg_deadlines), whoever waits is
 * told, not the trail.
 *
 * Exactly one: a group is written again only when the trail has said that it is not
 * there, by failing it or, when its answer was unreadable or never came, by being asked
 * for one of its rows (a group is there whole or not at all).  An answer that does not
 * come is looked into every LOST_US while the trail is well: a well trail is not at work
 * on an old group.
 *
 * Failures make one pause for all, with one line that says how many ends wait.
 * Needs no memory but for the group.  Home's thread.
 */
#ifndef CG_LEASE_END_ROWS_H
#define CG_LEASE_END_ROWS_H

#include "lease/retry.h"

struct cg_end_rows;
/* quota: where a lease's holding is given back once its row is on its way, so that
 * whoever takes the place has a row behind it. */
struct cg_end_rows *cg_end_rows_new(struct cg_service *g, struct cg_retries *quota);
/* After the drivers.  Forgets what is open; NULL is fine. */
void cg_end_rows_free(struct cg_end_rows *r);

/* l has ended.  fn (may be NULL) hears once whether the first attempt recorded it. */
void cg_end_rows_add(struct cg_end_rows *r, struct cg_lease *l, bool holds,
                     void (*fn)(void *arg, bool recorded), void *arg);
size_t cg_end_rows_open(const struct cg_end_rows *r); /* ends not recorded yet */

#endif
