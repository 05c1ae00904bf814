#include "gate/probe.h"

#define LOOK_US INT64_C(1000000)
#define WELL_US INT64_C(5000000)

static int64_t now_of(const struct cg_probe *p) {
  return p->service->clock->mono_us(p->service->clock);
}

static bool all_well(const struct cg_probe *p) {
  struct cg_failing failing;
  for (size_t i = 0; i < p->round.n; i++)
    if (cg_drivers_failing(p->round.drivers, i, &failing)) return false;
  return true;
}

/* What one worker meets others will, or still do when it is over there. */
static bool any_ill(struct cg_probe *p) {
  bool ill = !all_well(p);
  if (ill != p->ill) atomic_fetch_add(p->n_ill, ill ? 1U : -1U);
  p->ill = ill;
  return atomic_load(p->n_ill) > 0;
}

static void each(void *arg, size_t nth, const struct cgp_health *h) {
  struct cg_probe *p = arg;
  cg_drivers_probed(p->round.drivers, nth, h);
}

static void look(void *arg);

static void over(void *arg) {
  struct cg_probe *p = arg;
  cg_timer_start(&p->timer, p->service->loop, LOOK_US, look, p);
}

static void look(void *arg) {
  struct cg_probe *p = arg;
  int64_t now = now_of(p);
  atomic_store(&p->keyless, !cg_auth_has_keys(p->service->auth));
  if (!any_ill(p) && now - p->asked_us < WELL_US) {
    over(p);
    return;
  }
  p->asked_us = now;
  cg_health_ask(&p->round);
}

void cg_probe_begin(struct cg_probe *p, struct cg_service *g,
                    const struct cg_plugins *set, atomic_uint *n_ill) {
  p->service = g;
  p->n_ill = n_ill;
  p->round = (struct cg_health_round){
      .drivers = g->drivers, .n = set->n, .each = each, .over = over, .arg = p};
  p->asked_us = now_of(p) - WELL_US;
  look(p);
}
