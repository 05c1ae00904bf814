#include "lease/sweep.h"

#include "lease/turning.h"

#define SWEEP_US INT64_C(1000000)

static void swept(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_service *g = arg;
  (void)result;
  if (code != CGP_OK) CG_LOG(g->log, CG_WARN, "quota not swept", {"error", text});
  g->sweeping = false;
}

static void sweep(void *arg) {
  struct cg_service *g = arg;
  cg_timer_start(&g->sweep, g->loop, SWEEP_US, sweep, g);
  if (g->sweeping || !cg_all_turn(g)) return;
  g->sweeping = true;
  cg_quota_sweep(g->drivers, swept, g);
}

void cg_sweep_start(struct cg_service *g) {
  sweep(g);
}
