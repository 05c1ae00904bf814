/* server.h - one listener of one worker.
 *
 * A server owns an evhtp instance on the worker's loop, which accepts and ends TLS and
 * does nothing else: post-accept, each connection is a struct cg_conn (conn.h), whose
 * bytes evhtp never sees.  It owns the connections, what they share (listener.h), the
 * bound on requests at work (admission.h) and the timer of the sweep.  Everything on the
 * worker's thread.  The process must ignore SIGPIPE: OpenSSL writes to its sockets
 * plainly.
 */
#ifndef CG_HTTP_SERVER_H
#define CG_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/loop.h"
#include "http/access.h"
#include "http/bind.h"
#include "http/listener.h"
#include "http/route.h"

struct cg_server_conf {
  struct cg_loop *loop;
  struct cg_sockets sockets; /* listening; closed by the server, also when it fails */
  void *ssl_ctx; /* SSL_CTX * (tls.h), a reference is taken; NULL: plain TCP */
  const struct cg_access *access; /* NULL: everybody, and no proxies */
  const struct cg_cors *cors;     /* NULL: pages of other origins are kept out */
  struct cg_server_limits limits;
  const struct cg_router *router;
  void *ctx; /* becomes cg_exchange.ctx */
  const struct cg_clock *clock;
  struct cg_log *log;         /* NULL: none */
  struct cg_metrics *metrics; /* NULL: none */
  const struct cg_http_metrics *metric_ids;
  uint32_t worker;
  struct cg_id_maker *ids;      /* the worker's */
  struct cg_arena_pool *arenas; /* the worker's */
};

struct cg_server;

/* Gives evhtp and libevent, which cannot bear to be without memory while they accept a
 * connection, firm memory (mem.h).  Once, before any loop is made. */
void cg_server_memory(void);

/* Accepts from the return on.  conf is copied, what it points at is borrowed. */
struct cg_server *cg_server_new(const struct cg_server_conf *conf,
                                struct cg_err *err) CG_MUST_USE;

/* Closes what is left without a word.  Exchanges still unanswered stay valid until their
 * reply, which is dropped; they must be answered before the arena pool goes.  libevent
 * frees the sockets' buffers in the loop's next turn: let it turn once more. */
void cg_server_free(struct cg_server *s);

/* For connections from now on; the others keep theirs.  Only with TLS from the start. */
void cg_server_set_ssl_ctx(struct cg_server *s, void *ssl_ctx);

/* Stops accepting; idle connections are closed, requests in flight are answered with
 * Connection: close.  Done when cg_server_open is 0. */
void cg_server_drain(struct cg_server *s);
uint32_t cg_server_open(const struct cg_server *s); /* connections */

#endif
