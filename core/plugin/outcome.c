#include "plugin/outcome.h"

#include <stdio.h>
#include <string.h>

int cg_outcome_metric(struct cg_metrics *metrics, const char *plugin) {
  char label[128];
  snprintf(label, sizeof label, "plugin=\"%s\"", plugin);
  return cg_metric(metrics, CG_GAUGE, "plugin_failing", label,
                   "Ops of a plugin that failed last, on each worker.");
}

void cg_outcome_init(struct cg_outcome *o, const struct cg_clock *clock,
                     struct cg_metrics *metrics, int metric, uint32_t worker) {
  *o = (struct cg_outcome){
      .clock = clock, .metrics = metrics, .metric = metric, .worker = worker};
  pthread_mutex_init(&o->lock, NULL);
}

void cg_outcome_done(struct cg_outcome *o) {
  pthread_mutex_destroy(&o->lock);
}

static int64_t since(const struct cg_outcome *o) {
  return atomic_load_explicit(&o->since_us, memory_order_relaxed);
}

static void turn(struct cg_outcome *o, int64_t since_us) {
  cg_metric_add(o->metrics, o->worker, o->metric, (since_us != 0) - (since(o) != 0));
  atomic_store(&o->since_us, since_us);
}

static void remember(struct cg_outcome *o, const char *text) {
  if (strncmp(o->text, text, sizeof o->text - 1) == 0) return;
  pthread_mutex_lock(&o->lock);
  snprintf(o->text, sizeof o->text, "%s", text);
  pthread_mutex_unlock(&o->lock);
}

static void failed(struct cg_outcome *o, const char *text) {
  o->failed_us = o->clock->mono_us(o->clock);
  remember(o, text);
  if (since(o)) return;
  o->doubt_us = o->doubt_us ? 2 * o->doubt_us : CG_DOUBT_US;
  if (o->doubt_us > CG_DOUBT_MOST_US) o->doubt_us = CG_DOUBT_MOST_US;
  turn(o, o->failed_us);
}

void cg_outcome_note(struct cg_outcome *o, enum cgp_code code, const char *text) {
  switch (code) {
  case CGP_OK:
    o->doubt_us = 0;
    if (since(o)) turn(o, 0);
    break;
  case CGP_E_INVALID:
  case CGP_E_NOTFOUND:
  case CGP_E_BUSY: break;
  default: failed(o, text); break;
  }
}

void cg_outcome_probed_well(struct cg_outcome *o) {
  if (since(o) && o->clock->mono_us(o->clock) - o->failed_us >= o->doubt_us) turn(o, 0);
}

int64_t cg_outcome_read(struct cg_outcome *o, char *out, size_t n) {
  int64_t since_us = atomic_load(&o->since_us);
  if (!since_us) return 0;
  pthread_mutex_lock(&o->lock);
  snprintf(out, n, "%s", o->text);
  pthread_mutex_unlock(&o->lock);
  return since_us;
}
