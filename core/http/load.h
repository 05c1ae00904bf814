/* load.h - what one worker takes on at a time.
 *
 * Every whole request of a listener with http.in_flight is admitted or refused (503 with
 * Retry-After) before anything is done for it.
 *
 *   admitted  stands in a queue that runs behind all that the sockets had, a slice at a
 *             time: a burst is read whole, and what is too much of it refused, before the
 *             work on the rest begins
 *   refused   at once, when its client was not told to wait a moment ago
 *   waiting   otherwise: who was told and came back within the second stands in line for
 *             20 ms and more the longer the line is, so that refusing takes a small part
 *             of the worker's time however many insist; then it is admitted, if there is
 *             room, or refused
 *
 * New work is admitted up to `most`; what keeps a grant true (CG_ROUTE_KEEPS, routes of
 * plugins) up to twice of it.  A request counts until its reply, also when its client has
 * left: leaving and coming again makes no more work.  The line holds one request of a
 * connection at most.
 *
 * The server makes it and closes it; it lives on until the last exchange it admitted is
 * over.  Worker's thread.
 */
#ifndef CG_HTTP_LOAD_H
#define CG_HTTP_LOAD_H

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/exchange.h"
#include "http/route.h"

struct cg_load;

struct cg_load_conf {
  struct cg_loop *loop;
  const struct cg_clock *clock;
  const struct cg_router *router;
  uint32_t most;
};

struct cg_load *
cg_load_new(const struct cg_load_conf *conf) CG_MUST_USE; /* NULL: memory */
void cg_load_close(struct cg_load *l); /* after the guards; what waits is dropped */

/* Runs, queues or refuses x; x may be gone afterwards. */
void cg_load_take(struct cg_load *l, struct cg_exchange *x);

void cg_load_over(struct cg_load *l); /* for exchange.c: an admitted one was answered */

#endif
