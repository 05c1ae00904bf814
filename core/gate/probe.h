/* probe.h - one worker looks whether its next request would succeed.
 *
 * Every 5 seconds, and every second while something fails on any worker, it asks each
 * plugin for its health and looks whether there are keys to check tokens with.  So what
 * goes wrong or well again is seen without a request (plugin/outcome.h).  Worker's
 * thread; keyless and n_ill may be read on any.
 */
#ifndef CG_GATE_PROBE_H
#define CG_GATE_PROBE_H

#include "lease/service.h"
#include "plugin/health.h"

struct cg_probe {
  struct cg_service *service;
  struct cg_timer timer;
  struct cg_health_round round;
  int64_t asked_us; /* mono */
  bool ill;
  atomic_uint *n_ill; /* all workers' */
  atomic_bool keyless;
};

/* From now on until the worker's loop is freed, which p outlives.  n_ill: of the workers
 * on which something fails, 0 at first. */
void cg_probe_begin(struct cg_probe *p, struct cg_service *g,
                    const struct cg_plugins *set, atomic_uint *n_ill);

#endif
