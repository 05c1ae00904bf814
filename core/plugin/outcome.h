/* outcome.h - what became last of something that requests wait for: is it failing?
 *
 * Kept of each op that a request waits for, and of the health of each plugin, on each
 * worker (drivers.h); /readyz and camgate_plugin_failing tell it.  It fails from the
 * first failure in a row until one succeeds.  CGP_E_INVALID and CGP_E_NOTFOUND are about
 * what the caller asked, CGP_E_BUSY is about how many ask at a time: they count neither
 * way.
 *
 * When no request comes, a probe that went well ends a failure, too, but only when the
 * last one is CG_DOUBT_US old, and each failure that follows such an end at once doubles
 * that time, up to CG_DOUBT_MOST_US: a probe that sees less than requests do is not
 * believed against them.
 *
 * Noted on the thread of its worker, read on any.
 */
#ifndef CG_PLUGIN_OUTCOME_H
#define CG_PLUGIN_OUTCOME_H

#include <pthread.h>
#include <stdatomic.h>

#include "../../plugins/camgate_plugin.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"

#define CG_DOUBT_US      INT64_C(2000000)
#define CG_DOUBT_MOST_US INT64_C(64000000)

struct cg_outcome {
  const struct cg_clock *clock;
  struct cg_metrics *metrics;
  int metric; /* of its plugin; -1: not counted */
  uint32_t worker;
  _Atomic int64_t since_us; /* mono; 0: it does not fail */
  int64_t failed_us;        /* mono, the newest failure */
  int64_t doubt_us;         /* 0: a request went well since */
  pthread_mutex_t lock;     /* over text */
  char text[CG_ERR_TEXT_MAX];
};

/* The gauge of one plugin.  By the main thread, before the workers run. */
int cg_outcome_metric(struct cg_metrics *metrics, const char *plugin);

void cg_outcome_init(struct cg_outcome *o, const struct cg_clock *clock,
                     struct cg_metrics *metrics, int metric, uint32_t worker);
void cg_outcome_done(struct cg_outcome *o);

/* text: words of a failure, without secrets. */
void cg_outcome_note(struct cg_outcome *o, enum cgp_code code, const char *text);
void cg_outcome_probed_well(struct cg_outcome *o);

/* -> since when it fails (mono), and in which words; 0: it does not, out is as it was */
int64_t cg_outcome_read(struct cg_outcome *o, char *out, size_t n);

#endif
