/* look_back.h - the trail is asked who joined and left with a lease.
 *
 * After a restart the newest joins and leaves come back from their rows, so that an event
 * that is told again makes no second row and a leave finds its join.  The same after a
 * row of which nobody knows whether it was written: then only once the trail is well, for
 * until then the row may come still.  Home's thread.
 */
#ifndef CG_LEASE_LOOK_BACK_H
#define CG_LEASE_LOOK_BACK_H

#include "lease/service.h"

/* fn runs once, now or later; false: the trail did not say, and l->look_back stays.  The
 * caller's reference to l lives until then. */
void cg_look_back(struct cg_service *home, struct cg_lease *l,
                  void (*fn)(void *l, bool ok));

#endif
