/* The step "authenticate": whose token it is, or a refusal that is counted. */
#include "grant/step.h"
#include "lease/tally.h"

void cg_step_authenticate(struct cg_grant *g) {
  struct cg_service *o = g->walk.origin;
  struct cg_err err = {0};
  if (cg_auth_bearer(o->auth, g->in.authorization, g->in.client_addr, cg_service_wall(o),
                     &g->walk.subject, &g->walk.identity, &err)) {
    cg_step_done(g);
    return;
  }
  cg_tally_refused(o->tally, g->in.client_addr, g->in.request_id, err.text);
  cg_step_fail(g, err.code, "%s", err.text);
}
