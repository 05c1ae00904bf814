/* quality.h - the best tier that a grant may ask the quota for. */
#ifndef CG_GRANT_QUALITY_H
#define CG_GRANT_QUALITY_H

#include "grant/grant.h"

/* What was asked, or what the lease has (a beat never climbs); at most what is
 * allowed. */
static inline int cg_quality_top(const struct cg_grant *g) {
  const struct cg_lease *l = g->walk.lease;
  int most = g->out.verdict->max;
  int asked = l->state != CG_LEASE_PENDING ? l->tier : l->requested;
  return asked != CG_TIER_NONE && asked < most ? asked : most;
}

#endif
