/* presence.h - what the SFU says about participants, against the leases.
 *
 * Events come twice, late and out of order (camgate_plugin.h), or not at all; each
 * connection is known by its sid (connections.h).  An event is kept when its row is
 * durable: only then is it remembered and told (joins.h).  A join without a live
 * lease, or into another room than the lease's, is put out again; a lease this gate has
 * no memory of is looked up in the trail first, since the room may be shared with another
 * gate's viewers.  A room that closes ends the leases that had joined it (closing.h).
 * What no event told, lists tell (lists.h).
 */
#ifndef CG_LEASE_PRESENCE_H
#define CG_LEASE_PRESENCE_H

#include "lease/service.h"
#include "plugin/telling.h"

struct cg_presence;

/* Before the worker's loop runs; g->rooms is there.  NULL: no memory. */
struct cg_presence *cg_presence_new(struct cg_service *g) CG_MUST_USE;
/* After drivers and endings: whoever waits is told that it is not kept.  NULL is fine. */
void cg_presence_free(struct cg_presence *p);

/* Any worker's service; its thread.  ev is copied.  told: as host->room_event_told's fn;
 * NULL: nobody waits. */
void cg_presence_event(struct cg_service *g, const struct cgp_room_event *ev,
                       cg_told_fn *told, void *arg);

#endif
