/* timers.h - what is to be done when, soonest first: a pairing heap of timers.
 *
 * Intrusive: a timer is embedded in its owner, so that setting one needs no memory and
 * cannot fail.  Setting and moving cost a comparison or two, taking the first O(log n)
 * (amortised).  Timers due at the same instant come in the order in which they were set.
 * Times are the user's, microseconds.  One thread; loop.h says how a loop uses it.
 */
#ifndef CG_BASE_TIMERS_H
#define CG_BASE_TIMERS_H

#include <stdint.h>

struct cg_timers;

/* Zeroed = not set. */
struct cg_timer {
  struct cg_timers *heap; /* in which it is set, or NULL */
  int64_t due_us;
  uint64_t nth;                          /* of those set in this heap so far */
  struct cg_timer *child, *next, **link; /* link: where the pointer to it lies */
  void (*fn)(void *arg);
  void *arg;
};

struct cg_timers {
  struct cg_timer *first; /* due soonest; NULL: none is set */
  uint64_t n_set;         /* so far */
};

void cg_timers_set(struct cg_timers *heap, struct cg_timer *t, int64_t due_us);
void cg_timers_drop(struct cg_timer *t); /* not set is fine */

#endif
