/* pulse.h - one loop, as another one sees it turn.
 *
 * How long it stands still is counted in time that the looker ran, too: a process that
 * was stopped is none whose loops hang.
 */
#ifndef CG_GATE_PULSE_H
#define CG_GATE_PULSE_H

#include "base/loop.h"

#define CG_PULSE_US INT64_C(500000) /* between two looks */

struct cg_pulse {
  const struct cg_loop *of;
  int64_t beat_us, looked_us; /* the looker's own */
  _Atomic int64_t still_us;   /* 0: it turned since the look before */
};

/* The looker's thread, every CG_PULSE_US.  -> still_us */
int64_t cg_pulse_look(struct cg_pulse *p);
int64_t cg_pulse_still_us(const struct cg_pulse *p); /* any thread */

#endif
