#include "lease/home.h"

#include <stdio.h>

static void arrive(void *arg) {
  struct cg_home_call *call = arg;
  struct cg_service *home = call->home;
  bool closed = cg_service_closed(home);
  call->fn(home, closed ? NULL : cg_lease_find(home->leases, call->lease_id), call->arg);
}

void cg_home_do(struct cg_service *g, struct cg_home_call *call, const char *valid_id,
                cg_at_home_fn *fn, void *arg) {
  call->home = cg_service_home_of_lease(g, valid_id);
  call->fn = fn;
  call->arg = arg;
  snprintf(call->lease_id, sizeof call->lease_id, "%s", valid_id);
  cg_loop_send(call->home->loop, &call->mail, arrive, call);
}
