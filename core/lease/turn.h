/* turn.h - "run me at the loop's next turn", asked for as often as one likes.
 *
 * For work that is done in slices: sockets and others have their turn between two.  A
 * turn on its way may be given up with its owner.  Loop's thread.
 */
#ifndef CG_LEASE_TURN_H
#define CG_LEASE_TURN_H

#include "base/loop.h"

struct cg_turn;

struct cg_turn *cg_turn_new(struct cg_loop *loop, void (*fn)(void *arg), void *arg);
void cg_turn_soon(struct cg_turn *t);
void cg_turn_free(struct cg_turn *t); /* fn does not run any more; NULL is fine */

#endif
