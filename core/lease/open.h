/* open.h - a worker's lease service, made and freed whole: table, ends, tally, presence.
 *
 * Before the worker's loop runs, and after it has stopped.
 */
#ifndef CG_LEASE_OPEN_H
#define CG_LEASE_OPEN_H

#include "lease/service.h"

/* The caller has filled what stands above the blank line in struct cg_service.  false: no
 * memory. */
bool cg_service_open(struct cg_service *g, struct cg_err *err) CG_MUST_USE;
void cg_service_close(struct cg_service *g);

#endif
