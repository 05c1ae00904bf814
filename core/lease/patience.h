/* patience.h - growing pauses between attempts: 250 ms, doubling up to 10 s. */
#ifndef CG_LEASE_PATIENCE_H
#define CG_LEASE_PATIENCE_H

#include "base/loop.h"

#define CG_PATIENCE_FIRST_US (250 * INT64_C(1000))
#define CG_PATIENCE_LAST_US  (10 * INT64_C(1000000))

/* Zeroed = no pause.  Loop's thread. */
struct cg_patience {
  struct cg_timer timer;
  int64_t us; /* of the pause that was last, 0 = none since the last success */
  bool pausing;
};

/* fn begins by calling cg_patience_over.  false: a pause is on already. */
static inline bool cg_patience_pause(struct cg_patience *p, struct cg_loop *loop,
                                     void (*fn)(void *arg), void *arg) {
  if (p->pausing) return false;
  p->pausing = true;
  p->us = p->us ? p->us * 2 : CG_PATIENCE_FIRST_US;
  if (p->us > CG_PATIENCE_LAST_US) p->us = CG_PATIENCE_LAST_US;
  cg_timer_start(&p->timer, loop, p->us, fn, arg);
  return true;
}

static inline void cg_patience_over(struct cg_patience *p) {
  p->pausing = false;
}

static inline void cg_patience_reset(struct cg_patience *p) {
  if (!p->pausing) p->us = 0;
}

#endif
