/* wire.h - the sending half of a connection, as far as its request's answer needs it.
 *
 * A connection (conn.h) embeds one; an exchange (exchange.h) holds a pointer to it until
 * its reply or until the client leaves.  cg_wire_reply sends and never frees anything:
 * the connection finds what came of it when its own callbacks or the sweep run next, and
 * is called, later in the same turn of the loop, only when nothing else would.
 *
 * On plain TCP with nothing queued the bytes go out by one sendmsg at once; what the
 * socket does not take is queued in the bufferevent, which writes it when it can.  TLS,
 * and anything behind queued bytes, always takes the queue: order is kept.  Worker's
 * thread.
 */
#ifndef CG_HTTP_WIRE_H
#define CG_HTTP_WIRE_H

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "http/intake.h"
#include "http/listener.h"

enum cg_sent {
  CG_SENT_ALL,
  CG_SENT_QUEUED, /* the write callback comes when the rest is out */
  CG_SENT_BROKEN, /* the client is gone, or no memory: close */
};

struct cg_exchange;

struct cg_wire {
  struct bufferevent *bev; /* the connection's */
  const struct cg_intake *intake;
  const struct cg_listener *listener;
  struct cg_exchange *exchange; /* out and unanswered; NULL: none */
  bool last;   /* close after the answer: the request or the answer said so */
  bool inside; /* the connection's code is on the stack and looks here afterwards */
  bool broken; /* sending the answer failed */
  int64_t
      busy_told_us; /* when the client was last told that the gate is busy; 0: never */
};

/* Must the reply say Connection: close? */
bool cg_wire_closes(const struct cg_wire *w);

enum cg_sent cg_wire_send(struct cg_wire *w, struct iovec *iov, int n);

size_t cg_wire_unsent(const struct cg_wire *w); /* bytes of it in the queue */

/* 100 Continue (RFC 9110 15.2.1).  False: close. */
bool cg_wire_continue(struct cg_wire *w) CG_MUST_USE;

/* The one reply to the exchange that is out, which is forgotten.  Copies what it cannot
 * send at once, or what an open outbox takes. */
void cg_wire_reply(struct cg_wire *w, struct iovec *iov, int n);

/* Replies of one listener that go out together: to answer some and then to send them
 * finds the code of both in the caches, which is 5 % of an explain's CPU.  While it is
 * open, replies of up to 4 KiB on plain TCP with nothing queued wait in it, 16 at most;
 * who opens it closes it in the same callback, so that no connection is looked at or
 * freed meanwhile. */
struct cg_outbox *cg_outbox_new(void); /* NULL: no memory */
void cg_outbox_free(struct cg_outbox *o);
void cg_outbox_open(struct cg_outbox *o);
void cg_outbox_flush(struct cg_outbox *o); /* sends what waits */
void cg_outbox_close(struct cg_outbox *o); /* and from now on replies go out at once */

/* Nothing more comes from us: close_notify where there is TLS, and FIN. */
void cg_wire_shut(struct bufferevent *bev);

#endif
