/* metrics.h - counters, gauges and duration histograms, in Prometheus' text form.
 *
 * Registered by name before the workers run (prefix camgate_ is added, base units), by
 * one thread, at most 256; then counted per worker in that worker's own slots with
 * relaxed atomics, so counting costs an add and a scrape sums the slots.  No labels but
 * fixed ones given at registration ('outcome="allow"'): never users, cameras or rooms.
 */
#ifndef CG_BASE_METRICS_H
#define CG_BASE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct cg_metrics;

enum cg_metric_kind { CG_COUNTER, CG_GAUGE, CG_HISTOGRAM };

struct cg_metrics *cg_metrics_new(uint32_t n_workers);
void cg_metrics_free(struct cg_metrics *m);

/* -> id, or -1 when full or the name is bad.  The same name and labels give the same id.
 * Metrics of one name share its help.  labels: "" or 'k="v",...'. */
int cg_metric(struct cg_metrics *m, enum cg_metric_kind kind, const char *name,
              const char *labels, const char *help);
void cg_metric_add(struct cg_metrics *m, uint32_t worker, int id, int64_t n);
/* histogram, buckets 0.5 ms .. 10 s */
void cg_metric_observe_us(struct cg_metrics *m, uint32_t worker, int id, int64_t us);
int64_t cg_metric_sum(const struct cg_metrics *m, int id);

void cg_metrics_render(const struct cg_metrics *m, struct cg_buf *out);

#endif
