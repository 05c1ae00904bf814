/* home.h - acting on a lease where it lives.
 *
 * Only its home's thread may touch a lease.  Whoever learns something about one elsewhere
 * (a webhook, a client that left) has it done there: the call is embedded in what the
 * asker owns, so that the way needs no memory and cannot fail.
 */
#ifndef CG_LEASE_HOME_H
#define CG_LEASE_HOME_H

#include "lease/service.h"

/* l: NULL, home does not know it. */
typedef void cg_at_home_fn(struct cg_service *home, struct cg_lease *l, void *arg);

struct cg_home_call {
  struct cg_mail mail;
  struct cg_service *home;
  char lease_id[CG_ID_LEN + 1];
  cg_at_home_fn *fn;
  void *arg;
};

/* fn runs once, on the thread of the lease's home, never inside this function.  `call` is
 * zeroed or has run before; it is home's until fn runs, which may free it.  Any worker's
 * thread. */
void cg_home_do(struct cg_service *g, struct cg_home_call *call, const char *valid_id,
                cg_at_home_fn *fn, void *arg);

#endif
