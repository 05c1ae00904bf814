#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <evhtp/evhtp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/guard.h"
#include "http/load.h"
#include "http/reply.h"

#define BACKLOG  1024
#define SWEEP_US 100000

const struct cg_server_limits cg_server_limits_default = {
    .message = {.max_head = 16 * 1024, .max_headers = 64, .max_body = 64 * 1024},
    .header_us = 5000000,
    .body_us = 10000000,
    .idle_us = 60000000,
    .write_us = 10000000,
    .linger_us = 2000000,
    .write_least = 4096,
    .connections = 16384,
    .connections_per_address = 1024,
};

static const struct cg_access everybody = {.allow = {NULL, 0}};

struct cg_server {
  struct cg_server_conf conf;
  struct cg_guards guards;
  evhtp_t *htp;
  struct cg_load *load; /* NULL: no bound */
  struct cg_timer sweep;
  uint16_t port;
  bool paused; /* out of descriptors: accepts again at the next sweep */
  char date[40];
  uint32_t gauge; /* connections as last told to the metrics */
};

/* ---- metrics ---- */

static const enum cg_code refusals[] = {
    CG_E_MALFORMED, CG_E_TIMEOUT_CLIENT, CG_E_LENGTH_REQUIRED,
    CG_E_TOO_LARGE, CG_E_URI_TOO_LONG,   CG_E_HEADERS,
    CG_E_BUSY,      CG_E_MEMORY,         CG_E_DENIED,
};
_Static_assert(CG_COUNT(refusals) <= CG_REFUSED_MAX, "room for all");

bool cg_http_metrics_register(struct cg_metrics *m, struct cg_http_metrics *out) {
  char label[64];
  bool ok = true;
  for (int i = 1; i < 6; i++) {
    snprintf(label, sizeof label, "code=\"%dxx\"", i);
    out->requests[i] = cg_metric(m, CG_COUNTER, "http_requests_total", label,
                                 "Requests answered, by class of status.");
    ok = ok && out->requests[i] >= 0;
  }
  for (size_t i = 0; i < CG_COUNT(refusals); i++) {
    snprintf(label, sizeof label, "reason=\"%s\"", cg_code_info(refusals[i])->slug);
    out->refused[i] = cg_metric(m, CG_COUNTER, "http_refused_total", label,
                                "Requests refused before they were whole.");
    ok = ok && out->refused[i] >= 0;
  }
  out->connections = cg_metric(m, CG_GAUGE, "http_connections", "", "Open connections.");
  out->seconds = cg_metric(m, CG_HISTOGRAM, "http_request_seconds", "",
                           "From the whole request to its answer.");
  return ok && out->connections >= 0 && out->seconds >= 0;
}

static void count(struct cg_server *s, int id, int64_t n) {
  if (s->conf.metrics) cg_metric_add(s->conf.metrics, s->conf.worker, id, n);
}

static void count_connections(struct cg_server *s) {
  if (!s->conf.metrics) return;
  count(s, s->conf.metric_ids->connections, (int64_t)s->guards.open - s->gauge);
  s->gauge = s->guards.open;
}

void cg_server_answered(struct cg_server *s, int status, int64_t began_us) {
  if (!s->conf.metrics) return;
  int kind = status / 100;
  CG_CHECK(kind >= 1 && kind <= 5);
  count(s, s->conf.metric_ids->requests[kind], 1);
  cg_metric_observe_us(s->conf.metrics, s->conf.worker, s->conf.metric_ids->seconds,
                       s->conf.clock->mono_us(s->conf.clock) - began_us);
}

void cg_server_refused(struct cg_server *s, enum cg_code code) {
  if (!s->conf.metrics) return;
  for (size_t i = 0; i < CG_COUNT(refusals); i++)
    if (refusals[i] == code) count(s, s->conf.metric_ids->refused[i], 1);
}

/* ---- what the guards call ---- */

const char *cg_server_date(const struct cg_server *s) {
  return s->date;
}

static void write_date(struct cg_server *s) {
  static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t t = (time_t)(s->conf.clock->wall_us(s->conf.clock) / 1000000);
  struct tm tm;
  if (!gmtime_r(&t, &tm)) memset(&tm, 0, sizeof tm);
  snprintf(s->date, sizeof s->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
           days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
           tm.tm_min, tm.tm_sec);
}

static struct cg_id new_id(struct cg_server *s) {
  return cg_id_new(s->conf.ids, s->conf.clock->wall_us(s->conf.clock), 0);
}

static bool admit(struct cg_server *s, const struct cg_addr *peer) {
  char text[CG_ADDR_TEXT];
  if (cg_access_accepts(s->conf.access, peer)) return true;
  cg_server_refused(s, CG_E_DENIED);
  cg_addr_text(peer, text);
  if (s->conf.log)
    CG_LOG(s->conf.log, CG_DEBUG, "connection closed: address is not allowed",
           {"client_addr", text, 0});
  return false;
}

/* The one place that says who the client is. */
static struct cg_exchange *begin(struct cg_server *s, struct cg_guard *g,
                                 const struct cg_message *m, const char *bytes) {
  struct cg_addr client = cg_access_client(s->conf.access, cg_guard_peer(g), m, bytes);
  char text[CG_ADDR_TEXT];
  bool forwarded = memcmp(&client, cg_guard_peer(g), sizeof client);
  if (forwarded) cg_addr_text(&client, text);
  struct cg_exchange_origin origin = {
      .ctx = s->conf.ctx,
      .server = s,
      .guard = g,
      .pool = s->conf.arenas,
      .request_id = new_id(s),
      .began_us = s->conf.clock->mono_us(s->conf.clock),
      .client_addr = forwarded ? text : cg_guard_address(g),
      .barred = !cg_access_admits(s->conf.access, &client),
  };
  return cg_exchange_new(&origin, m, bytes);
}

static void dispatch(struct cg_server *s, struct cg_exchange *x) {
  if (x->barred) {
    cg_server_refused(s, CG_E_DENIED);
    cg_exchange_failf(x, CG_E_DENIED, "requests from %s are not allowed here",
                      x->client_addr);
  } else if (s->load) {
    cg_load_take(s->load, x);
  } else {
    cg_router_dispatch(s->conf.router, x);
  }
}

static size_t refusal(struct cg_server *s, const struct cg_guard *g, enum cg_code code,
                      const char *why, char *out, size_t cap) {
  struct cg_err err;
  struct cg_id id = new_id(s);
  struct cg_buf body;
  char head[CG_REPLY_HEAD_MAX];
  cg_fail(&err, code, "%s", why);
  cg_buf_init(&body, cap / 2);
  struct cg_problem problem = {.err = &err};
  cg_problem_write(&problem, id.text, &body);
  struct cg_reply r = {.status = cg_problem_status(&problem),
                       .date = cg_server_date(s),
                       .content_type = CG_PROBLEM_TYPE,
                       .content_length = cg_buf_ok(&body) ? body.len : 0,
                       .request_id = id.text,
                       .headers = (struct cg_header[]){{"Retry-After", "1"}},
                       .n_headers = cg_problem_retry_after_s(&problem) != 0,
                       .close = true};
  size_t n = cg_reply_head(&r, head), text = cg_guard_bodiless(g) ? 0 : r.content_length;
  CG_CHECK(n + text <= cap);
  memcpy(out, head, n);
  memcpy(out + n, cg_buf_text(&body), text);
  cg_buf_done(&body);
  cg_server_refused(s, code);
  if (s->conf.log)
    CG_LOG(s->conf.log, CG_DEBUG, "request refused", {"request_id", id.text, 0},
           {"reason", why, 0}, {"client_addr", cg_guard_address(g), 0});
  return n + text;
}

/* ---- evhtp ---- */

/* Before evhtp makes anything of a socket; else it closes it. */
static evhtp_res on_socket(evhtp_connection_t *c, void *arg) {
  (void)c, (void)arg;
  return cg_firm_ready() ? EVHTP_RES_OK : EVHTP_RES_ERROR;
}

static evhtp_res on_accept(evhtp_connection_t *c, void *arg) {
  struct cg_server *s = arg;
  return cg_guard_attach(&s->guards, c) ? EVHTP_RES_OK : EVHTP_RES_ERROR;
}

/* Out of descriptors or memory: asking again at once would only spin. */
static void on_accept_error(struct evconnlistener *listener, void *arg) {
  struct cg_server *s = ((evhtp_t *)arg)->arg; /* the listener is evhtp's */
  if (s->conf.log)
    CG_LOG(s->conf.log, CG_WARN, "cannot accept connections",
           {"reason", strerror(errno), 0});
  evconnlistener_disable(listener);
  s->paused = true;
}

static void on_sweep(void *arg);

static void sweep(struct cg_server *s) {
  write_date(s);
  cg_guards_sweep(&s->guards);
  cg_timer_start(&s->sweep, s->conf.loop, SWEEP_US, on_sweep, s);
}

static void on_sweep(void *arg) {
  struct cg_server *s = arg;
  count_connections(s);
  if (s->paused && !s->guards.draining) evconnlistener_enable(s->htp->server);
  s->paused = false;
  sweep(s);
}

/* ---- listening ---- */

static socklen_t read_address(const struct cg_server_conf *conf,
                              struct sockaddr_storage *out) {
  struct sockaddr_in *v4 = (void *)out;
  struct sockaddr_in6 *v6 = (void *)out;
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, conf->address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(conf->port);
    return sizeof *v4;
  }
  if (inet_pton(AF_INET6, conf->address, &v6->sin6_addr) != 1) return 0;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(conf->port);
  return sizeof *v6;
}

static bool turn_on(int fd, int level, int option) {
  const int on = 1;
  return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

static bool bind_socket(int fd, const struct cg_server_conf *conf,
                        const struct sockaddr_storage *sa, socklen_t len) {
  return turn_on(fd, SOL_SOCKET, SO_REUSEADDR) &&
         (!conf->reuseport || turn_on(fd, SOL_SOCKET, SO_REUSEPORT)) &&
         turn_on(fd, IPPROTO_TCP, TCP_NODELAY) && /* accepted sockets inherit it */
         (sa->ss_family != AF_INET6 || turn_on(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
         bind(fd, (const struct sockaddr *)sa, len) == 0;
}

static int listen_on(const struct cg_server_conf *conf, struct cg_err *err) {
  struct sockaddr_storage sa;
  socklen_t len = read_address(conf, &sa);
  if (!len) {
    cg_fail(err, CG_E_INVALID, "%s is not an IPv4 or IPv6 address", conf->address);
    return -1;
  }
  int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind_socket(fd, conf, &sa, len)) return fd;
  cg_fail(err, CG_E_UNAVAILABLE, "cannot listen on %s port %u: %s", conf->address,
          conf->port, strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

static uint16_t port_of(int fd) {
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0) return 0;
  return ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
                                        : ((struct sockaddr_in *)&sa)->sin_port);
}

static bool open_listener(struct cg_server *s, struct cg_err *err) {
  int fd = listen_on(&s->conf, err);
  if (fd < 0) return false;
  s->port = port_of(fd);
  if (evhtp_accept_socket(s->htp, fd, BACKLOG) < 0) {
    close(fd);
    return cg_fail(err, CG_E_UNAVAILABLE, "cannot listen on %s port %u: %s",
                   s->conf.address, s->conf.port, strerror(errno));
  }
  evconnlistener_set_error_cb(s->htp->server, on_accept_error);
  return true;
}

static bool make_load(struct cg_server *s) {
  if (s->conf.limits.in_flight == 0) return true;
  s->load = cg_load_new(&(struct cg_load_conf){.loop = s->conf.loop,
                                               .clock = s->conf.clock,
                                               .router = s->conf.router,
                                               .most = s->conf.limits.in_flight});
  return s->load != NULL;
}

static bool set_up(struct cg_server *s, struct cg_err *err) {
  s->guards = (struct cg_guards){.server = s,
                                 .limits = &s->conf.limits,
                                 .clock = s->conf.clock,
                                 .tls = s->conf.ssl_ctx != NULL,
                                 .admit = admit,
                                 .begin = begin,
                                 .dispatch = dispatch,
                                 .refusal = refusal};
  s->guards.peers = cg_peers_new(s->conf.limits.connections);
  s->htp = evhtp_new(cg_loop_base(s->conf.loop), s);
  if (!s->htp || !s->guards.peers || !make_load(s))
    return cg_fail(err, CG_E_MEMORY, "no memory for a listener");
  sweep(s);
  evhtp_set_pre_accept_cb(s->htp, on_socket, s);
  evhtp_set_post_accept_cb(s->htp, on_accept, s);
  if (s->conf.ssl_ctx) cg_server_set_ssl_ctx(s, s->conf.ssl_ctx);
  return open_listener(s, err);
}

void cg_server_memory(void) {
  CG_CHECK(cg_firm_ready());
  evhtp_set_mem_functions(cg_firm_alloc, cg_firm_realloc, cg_free);
}

struct cg_server *cg_server_new(const struct cg_server_conf *conf, struct cg_err *err) {
  const struct cg_message_limits *m = &conf->limits.message;
  CG_CHECK(m->max_head >= CG_TARGET_MAX + 64 && m->max_head <= UINT16_MAX);
  CG_CHECK(!conf->metrics || conf->metric_ids);
  struct cg_server *s = cg_alloc(sizeof *s);
  if (!s) {
    cg_fail(err, CG_E_MEMORY, "no memory for a listener");
    return NULL;
  }
  s->conf = *conf;
  if (!conf->access) s->conf.access = &everybody;
  if (set_up(s, err)) return s;
  cg_server_free(s);
  return NULL;
}

void cg_server_free(struct cg_server *s) {
  if (!s) return;
  cg_timer_stop(&s->sweep);
  if (s->htp) evhtp_unbind_socket(s->htp);
  cg_guards_close(&s->guards);
  cg_load_close(s->load);
  count_connections(s);
  evhtp_free(s->htp);
  cg_peers_free(s->guards.peers);
  cg_free(s);
}

uint16_t cg_server_port(const struct cg_server *s) {
  return s->port;
}

void cg_server_set_ssl_ctx(struct cg_server *s, void *ssl_ctx) {
  CG_CHECK(s->guards.tls && SSL_CTX_up_ref(ssl_ctx));
  SSL_CTX_free(s->htp->ssl_ctx);
  s->htp->ssl_ctx = ssl_ctx;
}

void cg_server_drain(struct cg_server *s) {
  evhtp_unbind_socket(s->htp);
  cg_guards_drain(&s->guards);
}

uint32_t cg_server_open(const struct cg_server *s) {
  return s->guards.open;
}
