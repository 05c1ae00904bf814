/* watch.h - the main thread looks whether a plugin holds a worker, and says which one.
 *
 * A plugin that blocks cannot be ended, and its worker serves nobody meanwhile.  After
 * one second it is named in the log, once for each time it holds on.  Main thread.
 */
#ifndef CG_GATE_WATCH_H
#define CG_GATE_WATCH_H

#include "gate/worker.h"

struct cg_watch;

/* When every worker is set up.  NULL: no memory. */
struct cg_watch *cg_watch_new(struct cg_workers *workers);
void cg_watch_free(struct cg_watch *w); /* before the workers; NULL is fine */

#endif
