/* joins.h - what is told of one lease: who joined with it and left.
 *
 * One event at a time is decided, recorded and then remembered (connections.h); those
 * that come meanwhile wait in order, and share its failure: so a repetition makes no
 * second row and hears nothing sooner than the first.  Where it is not known whether a
 * row was written, and after a restart, the trail is asked first (look_back.h).
 * Home's thread.
 */
#ifndef CG_LEASE_JOINS_H
#define CG_LEASE_JOINS_H

#include "lease/news.h"

/* Takes its turn among what is told of l; n has arrived. */
void cg_joins_queue(struct cg_lease *l, struct cg_news *n);
/* What its in_turn waited for has come. */
void cg_joins_waited(struct cg_news *n, bool kept);
/* Out of its lease's queue, and over. */
void cg_joins_finish(struct cg_news *n, enum cgp_code code);

#endif
