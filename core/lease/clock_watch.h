/* clock_watch.h - the wall clock was set: found, told and recorded once.
 *
 * Twice a second the wall clock is compared with mono (clock.h).  What moved by a second
 * or more was a step: it is counted, and has a line of the log and a row of kind `clock`,
 * whose facts are step_ms (what the clock was moved by), steps, wall_before and
 * wall_after.  A clock that is set all the time has eight rows, then one in ten seconds,
 * which sum up.  Rows tell times as of the newest such row before them (cg_tell_trail),
 * so that a restart can say what the times of older rows are by today's clock.
 * Home's thread; one worker of a gate.
 */
#ifndef CG_LEASE_CLOCK_WATCH_H
#define CG_LEASE_CLOCK_WATCH_H

#include "lease/service.h"

/* false: no memory. */
bool cg_clock_watch_start(struct cg_service *g);
void cg_clock_watch_free(struct cg_clock_watch *w); /* after the drivers; NULL is fine */

#endif
