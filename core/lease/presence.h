/* presence.h - what the SFU says about participants, against the leases.
 *
 * Events come twice, late and out of order (camgate_plugin.h); each join is known by its
 * sid.  A join without a live lease, or into another room than the lease's, is put out
 * again; a lease this gate has no memory of is looked up in the trail first, since the
 * room may be shared with another gate's viewers.  A room that closes ends the leases
 * that had joined it; those that had not, or whose grant is still under way, get it again
 * with their next beat.
 */
#ifndef CG_LEASE_PRESENCE_H
#define CG_LEASE_PRESENCE_H

#include "lease/service.h"

/* Any worker's service; its thread.  ev is copied.  told: as host->room_event_told's fn;
 * NULL: nobody waits. */
void cg_presence_event(struct cg_service *g, const struct cgp_room_event *ev,
                       cg_told_fn *told, void *arg);

#endif
