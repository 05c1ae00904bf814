/* conn.h - one accepted connection, from its accept to its close.
 *
 * evhtp accepts and ends TLS; its own parser is not fit for hostile bytes and never sees
 * any: a connection takes the bufferevent's callbacks over right after the accept, reads
 * requests with intake.h, makes an exchange of each whole one and hands it to
 * admission.h or the router.
 *
 *   HANDSHAKE  TLS is not up yet
 *   READING    collects a request, or waits for one
 *   ANSWERING  one exchange is out; later bytes wait, so replies keep the requests' order
 *   SENDING    its reply is queued; then READING again
 *   TAKEN      another protocol has it, from ANSWERING on; CLOSED follows
 *   PARTING    its last answer is queued
 *   LINGERING  it is out; what the client still sends is dropped until its EOF, so that
 *              the answer is not lost to a reset
 *   CLOSED     out of the counts, its exchange has been told; freed at the turn's end
 *
 * States follow each other downwards, but for SENDING's step back.  A connection is
 * freed behind all callbacks of the loop's turn in which it was closed, so no pointer to
 * it dies under a caller.  A refused request is the connection's last.
 *
 * A handler may hand its connection to another protocol (RFC 9110 7.8): the exchange ends
 * with 101, and the bufferevent is the new owner's, who sets callbacks and watermarks of
 * its own.  What the client sent behind its request is in the bufferevent's input.  The
 * connection stays in the counts and the bounds, and no deadline of this file holds for
 * it any more, until its owner releases it.
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
#include "http/access.h"
#include "http/admission.h"
#include "http/listener.h"
#include "http/peers.h"
#include "http/route.h"

struct cg_conn;
struct cg_exchange;
struct evhtp_connection;

/* What the connections of one listener share (conns.h).  The server fills the first part
 * and outlives them. */
struct cg_conns {
  const struct cg_listener *listener;
  const struct cg_access *access;
  const struct cg_router *router;
  struct cg_admission *admission; /* NULL: no bound */
  struct cg_arena_pool *arenas;
  void *ctx; /* becomes cg_exchange.ctx */

  struct cg_peers *peers;
  char *room;             /* of all the intakes; NULL with TLS */
  struct event *turn_end; /* frees the closed */
  struct cg_conn *first, *closed;
  int64_t swept_us;
  uint32_t open;     /* all but the closed */
  uint32_t refusing; /* of these, the ones accepted only to be told 503 */
};

/* Who has taken a connection.  It hears on the worker's thread, never from within one of
 * its own calls. */
struct cg_conn_owner {
  void (*drain)(void *arg); /* the gate drains: come to an end soon */
  void (*lost)(void *arg);  /* the listener is freed, and now the connection: the
                               last call, which must not release */
  void *arg;
};

/* Ends x with 101 and the fields that its handler has set; x->wire->bev is the owner's
 * from then on.  The client is there still, and an answer would not close
 * (cg_wire_closes).  NULL: the client left just now; x is gone in any case. */
struct cg_conn *cg_conn_take_over(struct cg_exchange *x,
                                  const struct cg_conn_owner *owner) CG_MUST_USE;
/* Closes a taken connection at the end of the loop's turn; its bufferevent calls nobody
 * any more. */
void cg_conn_release(struct cg_conn *c);

/* ---- for conns.c ---- */

/* Linked and counted, all but its address; refusing: only to be told 503.  NULL: no
 * memory. */
struct cg_conn *cg_conn_new(struct cg_conns *all, struct evhtp_connection *evhtp,
                            const struct cg_addr *peer, bool refusing) CG_MUST_USE;
struct cg_conn *cg_conn_next(const struct cg_conn *c); /* of its all; NULL: the last */
void cg_conn_expire(struct cg_conn *c); /* at a sweep: ends it when it is late */
void cg_conn_drain(struct cg_conn *c);  /* closes it when it is idle; an owner hears */
void cg_conn_lose(struct cg_conn *c);   /* closes it: its listener is freed */
void cg_conn_free(struct cg_conn *c);   /* the first of the closed */

#endif
