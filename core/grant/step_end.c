/* The step "end": a release, which is done when the end's row is durable. */
#include <stdio.h>

#include "grant/step.h"
#include "lease/end.h"

static void ended(void *arg, bool recorded) {
  struct cg_grant *g = arg;
  if (recorded)
    cg_step_done(g);
  else
    cg_step_fail(g, CG_E_UNAVAILABLE,
                 "the lease has ended, but the audit trail cannot record it now");
}

void cg_step_end(struct cg_grant *g) {
  bool foreign = g->walk.foreign;
  char reason[CG_REASON_MAX + 1];
  snprintf(reason, sizeof reason, "%s by %s", foreign ? "ended" : "released",
           g->walk.subject.id);
  cg_lease_end(g->walk.home, g->walk.lease,
               foreign ? CG_ENDED_REVOKED : CG_ENDED_RELEASED, reason, ended, g);
}
