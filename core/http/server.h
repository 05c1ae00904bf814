/* server.h - one listener of one worker.
 *
 * A server owns an evhtp instance on the worker's loop, its connections' guards and the
 * bounds they share.  Every accepted connection gets a guard (guard.h), which reads
 * strictly, answers its own refusals, keeps pipelined requests in order and closes
 * lingering; whole requests become exchanges and go to the router.  With TLS the same
 * path runs over the bufferevent's SSL.  Everything on the worker's thread, but
 * cg_server_counts (any).  The process must ignore SIGPIPE: OpenSSL writes to its sockets
 * plainly.
 *
 * Metrics: camgate_http_requests_total{code}, camgate_http_refused_total{reason},
 * camgate_http_connections, camgate_http_request_seconds.  They are registered by
 * cg_http_metrics_register before the workers run.
 */
#ifndef CG_HTTP_SERVER_H
#define CG_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "http/access.h"
#include "http/message.h"
#include "http/route.h"

struct cg_server_limits {
  struct cg_message_limits message; /* 16 KiB head, 64 fields, 64 KiB body             */
  int64_t header_us;  /* 5 s: from the first byte (or the accept) to the whole head;
                         with TLS, as long again before it for the handshake         */
  int64_t body_us;    /* 10 s: from the head to the whole body                        */
  int64_t idle_us;    /* 60 s: between requests                                       */
  int64_t write_us;   /* 10 s: a reply must move at least write_least bytes in it     */
  int64_t linger_us;  /* 2 s: after a refusal, until the client's EOF                 */
  size_t write_least; /* 4 KiB, or the rest                                           */
  uint32_t connections, connections_per_address; /* beyond: 503 and close              */
  uint32_t in_flight; /* beyond: 503; 0: no bound (load.h)                            */
};

extern const struct cg_server_limits cg_server_limits_default;

enum { CG_REFUSED_MAX = 16 };

/* Ids of the metrics, made once and shared by all servers. */
struct cg_http_metrics {
  int requests[6]; /* by the status' first digit */
  int refused[CG_REFUSED_MAX];
  int connections, seconds;
};

bool cg_http_metrics_register(struct cg_metrics *m,
                              struct cg_http_metrics *out) CG_MUST_USE;

struct cg_server_conf {
  struct cg_loop *loop;
  const char *address; /* "127.0.0.1", "::1", "0.0.0.0" */
  uint16_t port;       /* 0: any, see cg_server_port */
  bool reuseport;
  void *ssl_ctx; /* SSL_CTX * (tls.h), a reference is taken; NULL: plain TCP */
  const struct cg_access *access; /* NULL: everybody, and no proxies */
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

/* Listens from the return on.  conf is copied, what it points at is borrowed. */
struct cg_server *cg_server_new(const struct cg_server_conf *conf,
                                struct cg_err *err) CG_MUST_USE;

/* Closes what is left without a word.  Exchanges still unanswered stay valid until their
 * reply, which is dropped; they must be answered before the arena pool goes.  libevent
 * frees the sockets' buffers in the loop's next turn: let it turn once more. */
void cg_server_free(struct cg_server *s);

uint16_t cg_server_port(const struct cg_server *s);
/* For connections from now on; the others keep theirs.  Only with TLS from the start. */
void cg_server_set_ssl_ctx(struct cg_server *s, void *ssl_ctx);

/* Stops accepting; idle connections are closed, requests in flight are answered with
 * Connection: close.  Done when cg_server_open is 0. */
void cg_server_drain(struct cg_server *s);
uint32_t cg_server_open(const struct cg_server *s); /* connections */

/* ---- for exchange.c ---- */

const char *cg_server_date(const struct cg_server *s); /* IMF-fixdate, made by sweeps */
void cg_server_refused(struct cg_server *s, enum cg_code code); /* counts it */
void cg_server_answered(struct cg_server *s, int status, int64_t began_us);

#endif
