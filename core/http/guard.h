/* guard.h - what stands between a connection and evhtp.
 *
 * evhtp's own parser is not fit for hostile bytes, so it never sees any: the guard takes
 * the bufferevent's callbacks over right after the accept, reads requests with message.h,
 * and when one is whole makes the exchange from it and has it dispatched.  evhtp keeps
 * what it does well: accepting, TLS, and a connection's life.
 *
 *   READING  collecting a request
 *   BUSY     one exchange is out; later bytes wait, so replies keep the requests' order
 *   LINGER   the last answer is written; what the client still sends is dropped until its
 *            EOF, so that the answer is not lost to a reset
 *
 * A refused request is the connection's last.  Deadlines are fields that a sweep over all
 * guards compares with the clock ten times a second: no timer is touched per request.
 * Everything on the worker's thread.
 */
#ifndef CG_HTTP_GUARD_H
#define CG_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/addr.h"
#include "base/clock.h"
#include "http/message.h"
#include "http/peers.h"

struct cg_server;
struct cg_server_limits;
struct cg_exchange;
struct cg_guard;
struct evhtp_connection;

/* What the guards of one server share.  The server fills it and outlives them. */
struct cg_guards {
  struct cg_server *server;
  const struct cg_server_limits *limits;
  const struct cg_clock *clock;
  bool tls, draining;
  struct cg_peers *peers;
  struct cg_guard *first, *cursor; /* cursor: the walk's next one */
  int64_t swept_us;
  uint32_t open;     /* all of them */
  uint32_t refusing; /* of these, the ones accepted only to be told 503 */

  /* Of the TCP peer, at the accept.  False: the connection is closed without a word. */
  bool (*admit)(struct cg_server *s, const struct cg_addr *peer);
  /* A whole message; bytes are its text, of the guard.  NULL: no memory. */
  struct cg_exchange *(*begin)(struct cg_server *s, struct cg_guard *g,
                               const struct cg_message *m, const char *bytes);
  void (*dispatch)(struct cg_server *s, struct cg_exchange *x);
  /* The whole answer to a refused request, at most cap bytes; counts it.  0: none. */
  size_t (*refusal)(struct cg_server *s, const struct cg_guard *g, enum cg_code code,
                    const char *why, char *out, size_t cap);
};

/* From evhtp's post-accept callback.  False: evhtp shall close the connection. */
bool cg_guard_attach(struct cg_guards *all, struct evhtp_connection *c);

/* Must the reply say Connection: close? */
bool cg_guard_closing(const struct cg_guard *g);
/* The TCP peer. */
const struct cg_addr *cg_guard_peer(const struct cg_guard *g);
/* Is the request a HEAD, as far as it was read? */
bool cg_guard_bodiless(const struct cg_guard *g);
const char *cg_guard_address(const struct cg_guard *g);
/* When its client was last told that the gate is too busy; load.c's, 0: never. */
int64_t *cg_guard_told(struct cg_guard *g);

/* The one reply to the exchange that is out.  Copies what it cannot send at once.  The
 * guard forgets the exchange; g may be gone afterwards. */
void cg_guard_reply(struct cg_guard *g, struct iovec *iov, int n);

void cg_guards_sweep(struct cg_guards *all);
void cg_guards_drain(struct cg_guards *all); /* closes the idle, marks the others */
void cg_guards_close(struct cg_guards *all); /* all, now */

#endif
