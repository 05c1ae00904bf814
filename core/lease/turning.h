/* turning.h - do all workers of the gate turn, and have they their quota?
 *
 * A worker that stands still keeps beats in its sockets, for leases of any worker.  While
 * one does, and until it is through its gap (gap.h), nothing lapses for want of a beat.
 * Any worker's thread.
 */
#ifndef CG_LEASE_TURNING_H
#define CG_LEASE_TURNING_H

#include "lease/service.h"

enum cg_turning { CG_ALL_TURN, CG_ONE_HANGS, CG_ONE_REGAINS };

/* The worst of g's peers and itself.  Who has not beaten since then hangs. */
enum cg_turning cg_turning_since(const struct cg_service *g, int64_t since_mono_us);
bool cg_all_turn(const struct cg_service *g); /* all turn, now */

#endif
