/* health.h - every plugin of one worker is asked how it is, one after another.
 *
 * `each` runs for each plugin in the set's order, then `over` once; both may run before
 * cg_health_ask returns.  The round is its asker's and lives until `over`.  Worker's
 * thread.
 */
#ifndef CG_PLUGIN_HEALTH_H
#define CG_PLUGIN_HEALTH_H

#include "plugin/drivers.h"

struct cg_health_round {
  struct cg_drivers *drivers;
  size_t n; /* plugins of the set */
  void (*each)(void *arg, size_t nth, const struct cgp_health *h);
  void (*over)(void *arg);
  void *arg;

  size_t nth;
  bool looping, answered;
};

void cg_health_ask(struct cg_health_round *r);

#endif
