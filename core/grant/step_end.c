/* The step "end": a release, which is done when the end's row is durable. */
#include <stdio.h>

#include "grant/step.h"
#include "lease/end.h"

static void ended(void *arg, bool recorded) {
  struct cg_grant *g = arg;
  struct cg_err err;
  if (recorded) {
    cg_step_done(g);
    return;
  }
  cg_fail_part(&err, CG_E_UNAVAILABLE, cg_part_name(CG_PART_AUDIT),
               "the lease has ended, but the audit trail cannot record it now");
  cg_step_fail_as(g, &err);
}

void cg_step_end(struct cg_grant *g) {
  bool foreign = g->walk.foreign;
  char reason[160];
  snprintf(reason, sizeof reason, "%s by %.120s", foreign ? "ended" : "released",
           g->walk.subject.id);
  cg_lease_end(g->walk.home, g->walk.lease,
               foreign ? CG_ENDED_REVOKED : CG_ENDED_RELEASED, reason, ended, g);
}
