/* The step "home": on which worker the leases live that the grant is about. */
#include "grant/step.h"

void cg_step_home_of_subject(struct cg_grant *g) {
  g->walk.home = cg_service_home_of_subject(g->walk.origin, g->walk.subject.id);
  cg_step_done(g);
}

void cg_step_home_of_lease(struct cg_grant *g) {
  g->walk.home = cg_service_home_of_lease(g->walk.origin, g->in.lease_id);
  cg_step_done(g);
}
