/* lists.h - what no event told: who is in the rooms of this worker's leases, by lists.
 *
 * The SFU's events may go to another gate, or be lost.  So each room that a live lease is
 * on, or whose viewer is still there, is listed at intervals that the room's driver
 * chooses, its turn coming once in an interval; rooms of leases that came back after a
 * restart, and all of them when events were lost, at once, though not twice in a second.
 * At most CG_LISTS_IN_FLIGHT
 * are asked for at a time, and one each CG_LISTS_PAUSE_US, however many rooms there are:
 * above that the interval grows.  A participant that nobody told of has joined; one that
 * two lists, a second apart, do not have has left: a single absence proves nothing.  Both
 * go the way of an event (presence.h), and their rows say that a list told them.
 * A driver without lists is asked once.  Home's thread.
 */
#ifndef CG_LEASE_LISTS_H
#define CG_LEASE_LISTS_H

#include "lease/service.h"

#define CG_LISTS_FIRST_US  INT64_C(1000000)        /* until the driver has said */
#define CG_LISTS_EVERY_US  (10 * INT64_C(1000000)) /* when it leaves that to the host */
#define CG_LISTS_PAUSE_US  (5 * INT64_C(1000))
#define CG_LISTS_IN_FLIGHT 4

struct cg_lists;
struct cg_lists *cg_lists_new(struct cg_service *g); /* NULL: no memory */
void cg_lists_free(struct cg_lists *lists);          /* after the drivers; NULL is fine */

/* Events were lost: every room of every worker is listed now.  Any worker's thread. */
void cg_lists_hurry_everywhere(struct cg_service *g);

#endif
