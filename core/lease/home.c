#include "lease/home.h"

#include <stdio.h>

static void arrive(void *arg) {
  struct cg_home_call *call = arg;
  struct cg_leases *leases = call->home->leases; /* NULL: home has closed */
  call->fn(call->home, leases ? cg_lease_find(leases, call->lease_id) : NULL, call->arg);
}

void cg_home_do(struct cg_service *g, struct cg_home_call *call, const char *valid_id,
                cg_at_home_fn *fn, void *arg) {
  call->home = cg_service_home_of_lease(g, valid_id);
  call->fn = fn;
  call->arg = arg;
  snprintf(call->lease_id, sizeof call->lease_id, "%s", valid_id);
  cg_loop_send(call->home->loop, &call->mail, arrive, call);
}
