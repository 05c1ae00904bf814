/* admission.h - how much one listener of one worker takes on at a time.
 *
 * Each whole request of a listener with http.in_flight is admitted or refused (503 with
 * Retry-After) before anything is done for it.
 *
 *   admitted  stands in a queue that runs behind all that the sockets had, a slice at a
 *             time: a burst is read whole, and what is too much of it refused, before the
 *             work on the rest begins
 *   refused   at once, when its client was not told to wait a moment ago
 *   waiting   otherwise: a client that was told and comes back within the second stands
 *             in line for 20 ms, and longer the longer the line is, so that refusing
 *             takes a small part of the worker's time however many insist; then it is
 *             admitted, if there is room, or refused
 *
 * New work is admitted up to `most`; what keeps a grant true (CG_ROUTE_KEEPS, routes of
 * plugins) up to twice of it.  in_flight.h says how long a request counts.  The line
 * holds one request of a connection at most.  The server makes it and closes it.
 * Worker's thread.
 */
#ifndef CG_HTTP_ADMISSION_H
#define CG_HTTP_ADMISSION_H

#include "base/loop.h"
#include "http/exchange.h"
#include "http/listener.h"
#include "http/route.h"

struct cg_admission;

struct cg_admission_conf {
  struct cg_loop *loop;
  const struct cg_listener *listener; /* has an outbox */
  const struct cg_router *router;
  uint32_t most;
};

/* NULL: no memory. */
struct cg_admission *cg_admission_new(const struct cg_admission_conf *conf) CG_MUST_USE;
void cg_admission_free(struct cg_admission *a); /* what waits is refused; NULL is fine */

/* Runs, queues or refuses x; x may be gone afterwards. */
void cg_admission_take(struct cg_admission *a, struct cg_exchange *x);

#endif
