/* deferred.h - "run me at the loop's next turn", asked for as often as one likes.
 *
 * For work that is done in slices: sockets and other work have their turn between two.
 * Freeing gives up what is on its way.  Loop's thread.
 */
#ifndef CG_BASE_DEFERRED_H
#define CG_BASE_DEFERRED_H

#include "base/loop.h"

struct cg_deferred;

struct cg_deferred *cg_deferred_new(struct cg_loop *loop, void (*fn)(void *arg),
                                    void *arg);
void cg_deferred_soon(struct cg_deferred *t);
void cg_deferred_free(struct cg_deferred *t); /* fn does not run any more; NULL is fine */

#endif
