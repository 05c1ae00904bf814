/* gap.h - a gap in a worker's time (loop.h) is to its leases what a restart is.
 *
 * Before anything else happens behind a gap, every live lease has one lapse to beat in;
 * behind a gap that is shorter than a beat, or not the first since its last beat, it has
 * what it had left; behind CG_GAPS_MAX gaps without a beat nothing is added any more, or
 * a machine on which every turn is late would keep silent leases for ever.  No hard end
 * moves.  Then its place in the quota, which may have lapsed meanwhile, is taken again
 * without refusal: who holds, keeps.  Until every worker that stood still has done so,
 * nothing is swept, and grants that are about to ask the quota wait: nobody gets a place
 * in between.  When one worker stood still its peers go through the gap, too: beats for
 * their leases waited in its sockets (turning.h).
 * Home's thread, where nothing else is said.
 */
#ifndef CG_LEASE_GAP_H
#define CG_LEASE_GAP_H

#include "lease/service.h"

struct cg_gaps;
struct cg_gaps *cg_gaps_new(struct cg_service *g);
void cg_gaps_stop(struct cg_gaps *gaps); /* before the drivers: nobody waits any more */
void cg_gaps_free(struct cg_gaps *gaps); /* after them; NULL is fine */

/* What the loop calls (cg_loop_on_gap); tests do on a fake clock. */
void cg_gap(struct cg_service *g, int64_t gap_us);
uint64_t cg_gaps_so_far(const struct cg_service *g);

/* Zeroed = does not wait. */
struct cg_gap_wait {
  struct cg_link link;
  void (*fn)(void *arg,
             bool ok); /* false: the quota does not answer, it may be tried later */
  void *arg;
};
/* false: nothing has to be waited for, and fn is not called. */
bool cg_gap_waits(struct cg_service *g, struct cg_gap_wait *w,
                  void (*fn)(void *arg, bool ok), void *arg);

#endif
