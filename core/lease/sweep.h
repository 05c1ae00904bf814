/* sweep.h - the quota may forget what nobody renewed.
 *
 * Every second, but not while a worker stands still, or has not taken its quota again
 * behind a gap (gap.h): its leases live.  One worker of a gate.
 */
#ifndef CG_LEASE_SWEEP_H
#define CG_LEASE_SWEEP_H

#include "lease/service.h"

void cg_sweep_start(struct cg_service *g);

#endif
