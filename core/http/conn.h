/* conn.h - one accepted connection, from its accept to its close.
 *
 * evhtp accepts and ends TLS; its own parser is not fit for hostile bytes and never sees
 * any: a connection takes the bufferevent's callbacks over right after the accept, reads
 * requests with message.h, makes an exchange of each whole one and hands it to
 * admission.h or the router.
 *
 *   HANDSHAKE  TLS is not up yet
 *   READING    collects a request, or waits for one
 *   ANSWERING  one exchange is out; later bytes wait, so replies keep the requests' order
 *   SENDING    its reply is queued; then READING again
 *   PARTING    the last answer is queued: one that says Connection: close
 *   LINGERING  it is out; what the client still sends is dropped until its EOF, so that
 *              the answer is not lost to a reset
 *   CLOSED     out of the counts, its exchange has been told; freed at the turn's end
 *
 * States follow each other downwards, but for SENDING's step back.  A connection is
 * freed behind all callbacks of the loop's turn in which it was closed, so no pointer to
 * it dies under a caller.  A refused request is the connection's last.  Another
 * protocol, once there is one, takes a connection over from ANSWERING and leaves CLOSED
 * behind.
 *
 * Deadlines are fields that a sweep over all connections compares with the clock ten
 * times a second: no timer is touched per request.  They count the client's delay alone:
 * what it has sent is read before it is late, once a request.  Everything on the
 * worker's thread.
 */
#ifndef CG_HTTP_CONN_H
#define CG_HTTP_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/loop.h"
#include "http/access.h"
#include "http/admission.h"
#include "http/listener.h"
#include "http/peers.h"
#include "http/route.h"

struct cg_conn;
struct evhtp_connection;

/* All connections of one listener.  The server fills the first part and outlives them. */
struct cg_conns {
  const struct cg_listener *listener;
  const struct cg_access *access;
  const struct cg_router *router;
  struct cg_admission *admission; /* NULL: no bound */
  struct cg_arena_pool *arenas;
  void *ctx; /* becomes cg_exchange.ctx */

  struct cg_peers *peers;
  struct event *turn_end; /* frees the closed */
  struct cg_conn *first, *closed;
  int64_t swept_us;
  uint32_t open;     /* all but the closed */
  uint32_t refusing; /* of these, the ones accepted only to be told 503 */
};

bool cg_conns_init(struct cg_conns *all, struct cg_loop *loop) CG_MUST_USE;
void cg_conns_close(struct cg_conns *all); /* closes and frees all, now */

/* From evhtp's post-accept callback.  False: evhtp shall close the connection. */
bool cg_conn_accept(struct cg_conns *all, struct evhtp_connection *evhtp,
                    const struct cg_addr *peer);

void cg_conns_sweep(struct cg_conns *all); /* ends what is late */
void cg_conns_drain(
    struct cg_conns *all); /* closes the idle; listener->draining is set */

#endif
