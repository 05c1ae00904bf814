/* stand_in.h - the main thread answers the admin port in the stead of worker 0.
 *
 * While worker 0, which has that port, hangs.  The stand-in shares the listening sockets:
 * whoever comes meanwhile is accepted here.  /livez and /metrics are answered as ever,
 * everything else as /readyz is: which worker hangs, and 503.  Main thread.
 */
#ifndef CG_GATE_STAND_IN_H
#define CG_GATE_STAND_IN_H

#include "gate/worker.h"

struct cg_stand_in;

/* sockets: of the admin listener, which are duplicated.  NULL: no memory, or no
 * descriptors. */
struct cg_stand_in *cg_stand_in_new(const struct cg_workers *workers,
                                    const struct cg_sockets *sockets);
void cg_stand_in_free(struct cg_stand_in *s); /* before the loop; NULL is fine */

/* Answers from now on, or no more.  Already so is fine. */
void cg_stand_in_serve(struct cg_stand_in *s, bool serve);

#endif
