#include "gate/watch.h"

#include "base/mem.h"

#define LOOK_US INT64_C(500000)
#define LONG_US INT64_C(1000000)

struct cg_watch {
  struct cg_workers *workers;
  struct cg_timer timer;
  int64_t told_us[]; /* by worker: when the op began that was told of last */
};

static void look_at(struct cg_watch *w, uint32_t i, int64_t now) {
  int64_t since;
  const char *plugin = cg_drivers_inside(w->workers->all[i]->service.drivers, &since);
  if (!plugin || now - since < LONG_US || since == w->told_us[i]) return;
  w->told_us[i] = since;
  CG_LOG(w->workers->log, CG_ERROR,
         "plugin holds its worker, which serves nobody meanwhile", {"plugin", plugin, 0},
         {"worker", NULL, i}, {"dur_ms", NULL, (now - since) / 1000});
}

static void look(void *arg) {
  struct cg_watch *w = arg;
  int64_t now = cg_clock_system.mono_us(&cg_clock_system);
  for (uint32_t i = 0; i < w->workers->n; i++) look_at(w, i, now);
  cg_timer_start(&w->timer, w->workers->main, LOOK_US, look, w);
}

struct cg_watch *cg_watch_new(struct cg_workers *workers) {
  struct cg_watch *w = cg_alloc(sizeof *w + workers->n * sizeof w->told_us[0]);
  if (!w) return NULL;
  w->workers = workers;
  look(w);
  return w;
}

void cg_watch_free(struct cg_watch *w) {
  if (!w) return;
  cg_timer_stop(&w->timer);
  cg_free(w);
}
