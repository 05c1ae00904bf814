/* closing.h - a room closed: what becomes of the leases that are on it.
 *
 * Those that had joined it end; those that had not, or whose grant is still under way,
 * get it again with their next beat.  A room is told from an earlier or later one of its
 * name by its sid, and by the time when one of the two sids is not known: the end of an
 * old room ends no lease of the new one.  It goes through the workers one after another,
 * and is kept when the ends that it makes are recorded on all of them.
 */
#ifndef CG_LEASE_CLOSING_H
#define CG_LEASE_CLOSING_H

#include "lease/news.h"

void cg_closing_begin(struct cg_service *g, const struct cgp_room_event *ev,
                      cg_told_fn *told, void *arg);

/* This worker stops, and rows of ends come no more. */
void cg_closing_give_up(struct cg_news *n);

#endif
