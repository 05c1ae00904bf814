/* listener.h - what the connections of one listener of one worker share.
 *
 * Bounds, clock, the Date of answers, the log, the counts.  The server (server.h) makes
 * it and outlives the connections; an exchange reaches it through its connection only.
 * Worker's thread.
 *
 * Metrics: camgate_http_requests_total{code}, camgate_http_refused_total{reason},
 * camgate_http_connections, camgate_http_request_seconds.  They are registered by
 * cg_http_metrics_register before the workers run.
 */
#ifndef CG_HTTP_LISTENER_H
#define CG_HTTP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "http/message.h"

struct cg_server_limits {
  struct cg_message_limits message; /* 16 KiB head, 64 fields, 64 KiB body             */
  int64_t header_us;  /* 5 s: from the first byte (or the accept) to the whole head;
                         with TLS, as long again before it for the handshake         */
  int64_t body_us;    /* 10 s: from the head to the whole body                        */
  int64_t idle_us;    /* 75 s: between requests; proxies in front keep theirs for 60  */
  int64_t write_us;   /* 10 s: a reply must move at least write_least bytes in it     */
  int64_t linger_us;  /* 2 s: after a refusal, until the client's EOF                 */
  size_t write_least; /* 4 KiB, or the rest                                           */
  uint32_t connections, connections_per_address; /* beyond: 503 and close              */
  uint32_t in_flight; /* beyond: 503; 0: no bound (admission.h)                       */
};

extern const struct cg_server_limits cg_server_limits_default;

struct cg_cors;

enum { CG_REFUSED_MAX = 16 };

/* Ids of the metrics, made once and shared by all listeners. */
struct cg_http_metrics {
  int requests[6]; /* by the status' first digit */
  int refused[CG_REFUSED_MAX];
  int connections, seconds;
};

bool cg_http_metrics_register(struct cg_metrics *m,
                              struct cg_http_metrics *out) CG_MUST_USE;

struct cg_listener {
  struct cg_server_limits limits;
  const struct cg_cors *cors; /* NULL: off (cors.h) */
  const struct cg_clock *clock;
  const struct cg_loop *loop;
  struct cg_id_maker *ids;    /* the worker's */
  struct cg_log *log;         /* NULL: none */
  struct cg_metrics *metrics; /* NULL: none */
  const struct cg_http_metrics *metric_ids;
  uint32_t worker;
  bool tls;
  bool draining;            /* every answer is its connection's last */
  struct cg_outbox *outbox; /* wire.h; NULL: none */
  char date[40];            /* IMF-fixdate, as of the last cg_listener_set_date */
};

int64_t cg_listener_now(const struct cg_listener *l); /* the loop's own time */
struct cg_id cg_listener_new_id(const struct cg_listener *l);
void cg_listener_set_date(struct cg_listener *l);

void cg_listener_count_answer(const struct cg_listener *l, int status, int64_t began_us);
void cg_listener_count_refusal(const struct cg_listener *l, enum cg_code code);
void cg_listener_count_connections(const struct cg_listener *l, int64_t more);

#endif
