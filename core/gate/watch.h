/* watch.h - the main thread looks whether every worker's loop turns.
 *
 * Twice a second.  A loop that does not turn is held by something: a plugin's op (which
 * cannot be ended, and is named in the log after one second, once for each time), a
 * policy's C function, a lock.  Worker 0 looks at the main thread in turn, which drains,
 * reloads and hears signals.
 * After 2 s the worker is told as not ready and counted (camgate_workers_hung), after 5 s
 * as not alive; both end with the next turn of its loop.  While worker 0 hangs, the main
 * thread answers the admin port in its stead (stand_in.h).
 */
#ifndef CG_GATE_WATCH_H
#define CG_GATE_WATCH_H

#include "gate/worker.h"

#define CG_HUNG_US INT64_C(2000000) /* not ready */
#define CG_DEAD_US INT64_C(5000000) /* not alive */

struct cg_watch;

/* When every worker is set up and worker 0 has the admin listener's sockets still.  NULL:
 * no memory, or no descriptors. */
struct cg_watch *cg_watch_new(struct cg_workers *workers, struct cg_err *err) CG_MUST_USE;
void cg_watch_free(
    struct cg_watch *w); /* the workers' threads have ended; NULL is fine */

/* The gate drains for so long: a worker that hangs after that can neither finish nor be
 * ended, so the process ends without it, with exit code 1.  Main thread. */
void cg_watch_end_in(struct cg_watch *w, int64_t us);

/* The worker that stands still for longest, if for us, in words.  false: none.  Any
 * thread, as the next. */
bool cg_watch_hung(const struct cg_watch *w, int64_t us, char *out, size_t n);
/* Every worker turns and has keys to check tokens with; false: in words. */
bool cg_watch_able(const struct cg_watch *w, char *out, size_t n);

#endif
