#include "http/server.h"

#include <errno.h>
#include <event2/listener.h>
#include <evhtp/evhtp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/conns.h"
#include "http/wire.h"

#define SWEEP_US 100000

static const struct cg_access everybody = {.allow = {NULL, 0}};

struct cg_server {
  struct cg_server_conf conf;
  struct cg_listener listener;
  struct cg_conns conns;
  evhtp_t *htp;
  struct cg_timer sweep;
  struct evconnlistener *accepting[CG_ADDRESSES_MAX]; /* one a socket */
  uint32_t n_accepting;
  bool paused;    /* out of descriptors: accepts again at the next sweep */
  uint32_t gauge; /* connections as last told to the metrics */
};

static void count_connections(struct cg_server *s) {
  cg_listener_count_connections(&s->listener, (int64_t)s->conns.open - s->gauge);
  s->gauge = s->conns.open;
}

/* ---- evhtp's callbacks ---- */

/* Before evhtp makes anything of a socket; else it closes it. */
static evhtp_res on_socket(evhtp_connection_t *c, void *arg) {
  (void)c, (void)arg;
  return cg_firm_ready() ? EVHTP_RES_OK : EVHTP_RES_ERROR;
}

/* A trusted proxy or an address that the lists admit; of others nothing is read. */
static bool admits_peer(const struct cg_server *s, const struct cg_addr *peer) {
  char text[CG_ADDR_TEXT];
  if (cg_access_accepts(s->conf.access, peer)) return true;
  cg_listener_count_refusal(&s->listener, CG_E_DENIED);
  cg_addr_text(peer, text);
  if (s->conf.log)
    CG_LOG(s->conf.log, CG_DEBUG, "connection closed: address is not allowed",
           {"client_addr", text, 0});
  return false;
}

static evhtp_res on_accept(evhtp_connection_t *c, void *arg) {
  struct cg_server *s = arg;
  struct cg_addr peer = cg_addr_of(c->saddr);
  bool ok = admits_peer(s, &peer) && cg_conns_accept(&s->conns, c, &peer);
  return ok ? EVHTP_RES_OK : EVHTP_RES_ERROR;
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

/* ---- the sweep ---- */

static void on_sweep(void *arg);

static void sweep(struct cg_server *s) {
  cg_listener_set_date(&s->listener);
  cg_conns_sweep(&s->conns);
  cg_timer_start(&s->sweep, s->conf.loop, SWEEP_US, on_sweep, s);
}

static void on_sweep(void *arg) {
  struct cg_server *s = arg;
  count_connections(s);
  for (uint32_t i = 0; s->paused && i < s->n_accepting; i++)
    evconnlistener_enable(s->accepting[i]);
  s->paused = false;
  sweep(s);
}

/* ---- life ---- */

/* Takes the sockets one by one; evhtp forgets all but the last, so they are kept here. */
static bool accept_all(struct cg_server *s, struct cg_err *err) {
  struct cg_sockets *left = &s->conf.sockets;
  while (left->n) {
    s->htp->server = NULL;
    if (evhtp_accept_socket(s->htp, left->fds[left->n - 1], CG_BACKLOG) < 0)
      return cg_fail(err, CG_E_MEMORY, "no memory for a listener");
    left->n--;
    s->accepting[s->n_accepting++] = s->htp->server;
    evconnlistener_set_error_cb(s->htp->server, on_accept_error);
  }
  return true;
}

static void stop_accepting(struct cg_server *s) {
  while (s->n_accepting) evconnlistener_free(s->accepting[--s->n_accepting]);
}

static void fill_listener(struct cg_listener *l, const struct cg_server_conf *conf) {
  *l = (struct cg_listener){.limits = conf->limits,
                            .cors = conf->cors,
                            .clock = conf->clock,
                            .loop = conf->loop,
                            .ids = conf->ids,
                            .log = conf->log,
                            .metrics = conf->metrics,
                            .metric_ids = conf->metric_ids,
                            .worker = conf->worker,
                            .tls = conf->ssl_ctx != NULL};
}

static bool make_admission(struct cg_server *s) {
  uint32_t most = s->conf.limits.in_flight;
  struct cg_admission_conf conf = {.loop = s->conf.loop,
                                   .listener = &s->listener,
                                   .router = s->conf.router,
                                   .most = most};
  if (!most) return true;
  s->listener.outbox = cg_outbox_new();
  s->conns.admission = s->listener.outbox ? cg_admission_new(&conf) : NULL;
  return s->conns.admission;
}

static bool make_conns(struct cg_server *s) {
  s->conns = (struct cg_conns){.listener = &s->listener,
                               .access = s->conf.access,
                               .router = s->conf.router,
                               .arenas = s->conf.arenas,
                               .ctx = s->conf.ctx};
  return cg_conns_init(&s->conns, s->conf.loop) && make_admission(s);
}

static bool set_up(struct cg_server *s, struct cg_err *err) {
  fill_listener(&s->listener, &s->conf);
  s->htp = evhtp_new(cg_loop_base(s->conf.loop), s);
  if (!make_conns(s) || !s->htp)
    return cg_fail(err, CG_E_MEMORY, "no memory for a listener");
  sweep(s);
  evhtp_set_pre_accept_cb(s->htp, on_socket, s);
  evhtp_set_post_accept_cb(s->htp, on_accept, s);
  if (s->conf.ssl_ctx) cg_server_set_ssl_ctx(s, s->conf.ssl_ctx);
  return accept_all(s, err);
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
    struct cg_sockets sockets = conf->sockets;
    cg_sockets_close(&sockets);
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
  stop_accepting(s);
  cg_sockets_close(&s->conf.sockets);
  cg_conns_close(&s->conns);
  cg_admission_free(s->conns.admission);
  cg_outbox_free(s->listener.outbox);
  count_connections(s);
  evhtp_free(s->htp);
  cg_free(s);
}

void cg_server_set_ssl_ctx(struct cg_server *s, void *ssl_ctx) {
  CG_CHECK(s->listener.tls && SSL_CTX_up_ref(ssl_ctx));
  SSL_CTX_free(s->htp->ssl_ctx);
  s->htp->ssl_ctx = ssl_ctx;
}

void cg_server_drain(struct cg_server *s) {
  stop_accepting(s);
  s->listener.draining = true;
  cg_conns_drain(&s->conns);
}

uint32_t cg_server_open(const struct cg_server *s) {
  return s->conns.open;
}
