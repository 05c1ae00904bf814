/* backoff.h - growing pauses between attempts: 250 ms, doubling up to 10 s. */
#ifndef CG_BASE_BACKOFF_H
#define CG_BASE_BACKOFF_H

#include "base/loop.h"

#define CG_BACKOFF_FIRST_US (250 * INT64_C(1000))
#define CG_BACKOFF_LAST_US  (10 * INT64_C(1000000))

/* Zeroed = no pause.  Loop's thread. */
struct cg_backoff {
  struct cg_timer timer;
  int64_t us; /* of the pause that was last, 0 = none since the last success */
  bool pausing;
};

/* fn begins by calling cg_backoff_over.  false: a pause is on already. */
static inline bool cg_backoff_pause(struct cg_backoff *p, struct cg_loop *loop,
                                    void (*fn)(void *arg), void *arg) {
  if (p->pausing) return false;
  p->pausing = true;
  p->us = p->us ? p->us * 2 : CG_BACKOFF_FIRST_US;
  if (p->us > CG_BACKOFF_LAST_US) p->us = CG_BACKOFF_LAST_US;
  cg_timer_start(&p->timer, loop, p->us, fn, arg);
  return true;
}

static inline void cg_backoff_over(struct cg_backoff *p) {
  p->pausing = false;
}

static inline void cg_backoff_reset(struct cg_backoff *p) {
  if (!p->pausing) p->us = 0;
}

#endif
