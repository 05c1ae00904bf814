/* plugins_env.h - what the host gives to its plugins, the same for all of them.
 *
 * The main thread fills it before the first is loaded; it outlives the last.
 */
#ifndef CG_PLUGIN_PLUGINS_ENV_H
#define CG_PLUGIN_PLUGINS_ENV_H

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

struct cg_plugins_env {
  const char *dir;      /* where NAME.so lie */
  json_t *options;      /* {"NAME": {"OPTION": value}} ; borrowed while loading */
  const char *conf_dir; /* base of relative paths */
  const char *state_dir, *node;
  struct cg_log *log;
  struct cg_metrics *metrics;
  const struct cg_clock *clock;
  uint32_t n_workers;
  bool partial; /* not every kind must be served: one plugin alone, under test */
  bool looking; /* nothing is begun: who can `check` is asked that instead of init */
};

#endif
