/* ws_peer serve|dial NAME=VALUE... - core/ws as a program of its own, for live suites.
 *
 * serve  port, and cert and key for TLS: /echo says each message back, in subprotocol
 *        echo.v1 when that is offered, to every Origin but http://elsewhere.example;
 *        /hub says each message to all who are there.  TERM drains.
 * dial   url, and ca, protocols, header, resolv, hosts, timeout (ms): says `say` when it
 *        is given, tells what it hears, closes after `count` messages.
 * Limits of both: message, high, most (bytes), ping, pong, write, close (ms).
 */
#include <event2/event.h>
#include <inttypes.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "http/server.h"
#include "http/tls.h"
#include "ws/dial.h"
#include "ws/handshake.h"

struct options {
  const char *port, *cert, *key;
  const char *url, *ca, *protocols, *header, *resolv, *hosts, *timeout, *say, *count;
  const char *message, *high, *most, *ping, *pong, *write, *close;
};

static const struct option {
  const char *name;
  size_t at;
} names[] = {
#define OPTION(name)                                                                     \
  { #name, offsetof(struct options, name) }
    OPTION(url),   OPTION(ca),      OPTION(protocols), OPTION(header), OPTION(resolv),
    OPTION(hosts), OPTION(timeout), OPTION(say),       OPTION(count),  OPTION(port),
    OPTION(cert),  OPTION(key),     OPTION(message),   OPTION(high),   OPTION(most),
    OPTION(ping),  OPTION(pong),    OPTION(write),     OPTION(close),
#undef OPTION
};

struct peer {
  struct options options;
  struct cg_loop *loop;
  struct cg_ws_limits limits;
  struct cg_server *server;
  struct cg_id_maker ids;
  struct cg_timer look; /* has the last connection gone? */
  struct cg_list hub;
  struct cg_timer tick; /* while it dials: the loop turns meanwhile */
  int64_t ticks, heard;
};

struct member {
  struct peer *peer;
  struct cg_ws *ws;
  struct cg_link link;
};

static _Noreturn void refuse(const char *what) {
  fprintf(stderr, "ws_peer: %s\n", what);
  exit(2);
}

static void read_option(struct options *o, const char *arg) {
  size_t n = strcspn(arg, "=");
  for (size_t i = 0; i < CG_COUNT(names); i++)
    if (arg[n] && strlen(names[i].name) == n && memcmp(arg, names[i].name, n) == 0) {
      const char *value = arg + n + 1;
      memcpy((char *)o + names[i].at, &value, sizeof value);
      return;
    }
  refuse(arg);
}

static int64_t number(const char *text, int64_t unit, int64_t otherwise) {
  return text ? strtoll(text, NULL, 10) * unit : otherwise;
}

static struct cg_ws_limits limits_of(const struct options *o) {
  struct cg_ws_limits l = cg_ws_limits_default;
  l.message_most = (size_t)number(o->message, 1, (int64_t)l.message_most);
  l.queue_high = (size_t)number(o->high, 1, (int64_t)l.queue_high);
  l.queue_most = (size_t)number(o->most, 1, (int64_t)l.queue_most);
  l.ping_us = number(o->ping, 1000, l.ping_us);
  l.pong_us = number(o->pong, 1000, l.pong_us);
  l.write_us = number(o->write, 1000, l.write_us);
  l.close_us = number(o->close, 1000, l.close_us);
  return l;
}

static void say(const char *what, const struct cg_ws_end *end) {
  printf("%s received=%u sent=%u why=%s\n", what, end->received, end->sent,
         end->why ? end->why : "-");
}

/* ---- what /echo does ---- */

static void echo(struct cg_ws *ws, void *arg, enum cg_ws_type type, const char *data,
                 size_t len) {
  (void)arg;
  if (!cg_ws_send(ws, type, data, len)) cg_ws_close(ws, CG_WS_INTERNAL, "no room");
}

static void echo_closed(struct cg_ws *ws, void *arg, const struct cg_ws_end *end) {
  (void)ws;
  (void)arg;
  say("closed", end);
}

static const struct cg_ws_events echo_events = {echo, NULL, echo_closed};

static const char *chosen(struct cg_exchange *x) {
  const char *offered;
  for (size_t i = 0; (offered = cg_ws_offered(x, i)); i++)
    if (strcmp(offered, "echo.v1") == 0) return offered;
  return NULL;
}

static bool comes_from_elsewhere(const struct cg_exchange *x) {
  const char *origin = cg_exchange_header(x, "Origin");
  return origin && strcmp(origin, "http://elsewhere.example") == 0;
}

static void handle_echo(struct cg_exchange *x) {
  struct peer *p = x->ctx;
  const struct cg_ws_conf conf = {p->loop, &p->limits, &echo_events, p};
  if (!cg_ws_asked(x)) return;
  if (comes_from_elsewhere(x))
    cg_exchange_failf(x, CG_E_DENIED, "not from this origin");
  else
    cg_ws_accept(x, chosen(x), &conf);
}

/* ---- what /hub does ---- */

static void tell_all(struct cg_ws *ws, void *arg, enum cg_ws_type type, const char *data,
                     size_t len) {
  struct member *m = arg;
  struct cg_ws_shared *all = cg_ws_share(type, data, len);
  (void)ws;
  CG_CHECK(all);
  for (struct cg_link *l = m->peer->hub.first; l; l = l->next)
    cg_ws_send_shared(CG_CONTAINER(l, struct member, link)->ws, all);
  cg_ws_shared_drop(all);
}

/* Who cannot keep up may come again. */
static void on_slow(struct cg_ws *ws, void *arg, bool slow) {
  (void)arg;
  if (slow) cg_ws_close(ws, 4000, "too slow");
}

static void member_closed(struct cg_ws *ws, void *arg, const struct cg_ws_end *end) {
  struct member *m = arg;
  (void)ws;
  cg_list_remove(&m->peer->hub, &m->link);
  free(m);
  say("left", end);
}

static const struct cg_ws_events hub_events = {tell_all, on_slow, member_closed};

static void handle_hub(struct cg_exchange *x) {
  struct peer *p = x->ctx;
  if (!cg_ws_asked(x)) return;
  struct member *m = calloc(1, sizeof *m);
  CG_CHECK(m);
  m->peer = p;
  const struct cg_ws_conf conf = {p->loop, &p->limits, &hub_events, m};
  m->ws = cg_ws_accept(x, NULL, &conf);
  if (m->ws)
    cg_list_add(&p->hub, &m->link);
  else
    free(m);
}

/* ---- serve ---- */

static void look(void *arg) {
  struct peer *p = arg;
  if (cg_server_open(p->server) == 0)
    cg_loop_stop(p->loop);
  else
    cg_timer_start(&p->look, p->loop, 10000, look, p);
}

static void on_term(evutil_socket_t fd, short what, void *arg) {
  struct peer *p = arg;
  (void)fd;
  (void)what;
  cg_server_drain(p->server);
  look(p);
}

static const struct cg_route routes[] = {{"GET", "/echo", handle_echo, 0},
                                         {"GET", "/hub", handle_hub, 0},
                                         {NULL, NULL, NULL, 0}};

static void *tls_of(const struct options *o, struct cg_err *err) {
  const struct cg_tls_conf conf = {.cert = o->cert, .key = o->key};
  const char *whose;
  if (!o->cert) return NULL;
  void *ctx = cg_tls_new(&conf, cg_clock_system.wall_us(&cg_clock_system), &whose, err);
  if (!ctx) refuse(err->text);
  return ctx;
}

static void serve(struct peer *p) {
  static const struct cg_route *const tables[] = {routes};
  static const char *const here[] = {"127.0.0.1"};
  struct cg_err err;
  struct cg_router *router = cg_router_new(tables, 1, &err);
  struct cg_arena_pool *arenas = cg_arena_pool_new();
  void *tls = tls_of(&p->options, &err);
  struct cg_server_conf conf = {.loop = p->loop,
                                .ssl_ctx = tls,
                                .limits = cg_server_limits_default,
                                .router = router,
                                .ctx = p,
                                .clock = &cg_clock_system,
                                .ids = &p->ids,
                                .arenas = arenas};
  conf.limits.connections = conf.limits.connections_per_address = 16384;
  conf.limits.in_flight = 256; /* as a gate has it: openings wait in a line, too */
  if (!cg_sockets_open(&(struct cg_strings){here, 1},
                       (uint16_t)number(p->options.port, 1, 0), &conf.sockets, &err) ||
      !cg_sockets_listen(&conf.sockets, &err) ||
      !(p->server = cg_server_new(&conf, &err)))
    refuse(err.text);
  struct event *term = evsignal_new(cg_loop_base(p->loop), SIGTERM, on_term, p);
  CG_CHECK(term && event_add(term, NULL) == 0);
  puts("ready");
  cg_loop_run(p->loop);
  event_free(term);
  cg_timer_stop(&p->look);
  cg_server_free(p->server);
  cg_loop_turn(p->loop); /* libevent frees the sockets' buffers in it */
  cg_tls_free(tls);
  cg_router_free(router);
  cg_arena_pool_free(arenas);
}

/* ---- what a dial does ---- */

static void hear(struct cg_ws *ws, void *arg, enum cg_ws_type type, const char *data,
                 size_t len) {
  struct peer *p = arg;
  if (type == CG_WS_TEXT)
    printf("text %.*s\n", (int)len, data);
  else
    printf("binary %zu\n", len);
  if (++p->heard == number(p->options.count, 1, 1)) cg_ws_close(ws, CG_WS_NORMAL, "done");
}

static void dialled_closed(struct cg_ws *ws, void *arg, const struct cg_ws_end *end) {
  struct peer *p = arg;
  (void)ws;
  say("closed", end);
  cg_loop_stop(p->loop);
}

static void dialled(void *arg, struct cg_ws *ws, const char *protocol,
                    const struct cg_err *err) {
  struct peer *p = arg;
  const char *text = p->options.say;
  printf("ticks %" PRId64 "\n", p->ticks);
  if (!ws) {
    printf("failed %s: %s\n", cg_code_info(err->code)->slug, err->text);
    cg_loop_stop(p->loop);
    return;
  }
  printf("open %s\n", protocol);
  if (text) CG_CHECK(cg_ws_send(ws, CG_WS_TEXT, text, strlen(text)));
}

static void tick(void *arg) {
  struct peer *p = arg;
  p->ticks++;
  cg_timer_start(&p->tick, p->loop, 10000, tick, p);
}

static struct cg_header header_of(char *text) {
  char *colon = strchr(text, ':');
  if (!colon) refuse(text);
  *colon = '\0';
  return (struct cg_header){text, colon + 1 + strspn(colon + 1, " ")};
}

static void dial(struct peer *p) {
  static const struct cg_ws_events events = {hear, NULL, dialled_closed};
  const struct options *o = &p->options;
  struct cg_err err;
  const struct cg_ws_dialer_conf shared = {p->loop, o->ca, o->resolv, o->hosts};
  char *text = o->header ? strdup(o->header) : NULL;
  struct cg_header header = {NULL, NULL};
  if (text) header = header_of(text);
  const struct cg_ws_dial_conf conf = {
      .url = o->url,
      .protocols = o->protocols,
      .headers = &header,
      .n_headers = text != NULL,
      .timeout_us = number(o->timeout, 1000, 10000000),
      .ws = {p->loop, &p->limits, &events, p},
      .done = dialled,
      .arg = p,
  };
  struct cg_ws_dialer *dialer = cg_ws_dialer_new(&shared, &err);
  if (!dialer) refuse(err.text);
  if (!cg_ws_dial(dialer, &conf, &err)) refuse(err.text);
  tick(p);
  cg_loop_run(p->loop);
  cg_timer_stop(&p->tick);
  cg_loop_turn(p->loop);
  cg_ws_dialer_free(dialer);
  cg_loop_turn(p->loop);
  free(text);
}

int main(int argc, char **argv) {
  struct peer peer = {0};
  struct cg_err err;
  if (argc < 2) refuse("serve or dial?");
  for (int i = 2; i < argc; i++) read_option(&peer.options, argv[i]);
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  peer.limits = limits_of(&peer.options);
  peer.loop = cg_loop_new(&err);
  if (!peer.loop) refuse(err.text);
  if (strcmp(argv[1], "serve") == 0)
    serve(&peer);
  else
    dial(&peer);
  cg_loop_free(peer.loop);
  return 0;
}
