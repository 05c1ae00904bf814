#include "gate/pulse.h"

int64_t cg_pulse_look(struct cg_pulse *p) {
  int64_t now = cg_clock_system.mono_us(&cg_clock_system), beat = cg_loop_beat_us(p->of);
  int64_t passed = now - p->looked_us;
  if (passed > 2 * CG_PULSE_US) passed = CG_PULSE_US; /* the looker stood still itself */
  int64_t still = beat == p->beat_us ? cg_pulse_still_us(p) + passed : 0;
  p->looked_us = now;
  p->beat_us = beat;
  atomic_store(&p->still_us, still);
  return still;
}

int64_t cg_pulse_still_us(const struct cg_pulse *p) {
  return atomic_load(&p->still_us);
}
