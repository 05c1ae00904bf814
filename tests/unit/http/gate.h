/* gate.h - a server on a loop in a thread of its own, for tests.
 *
 * Handlers run on the loop's thread; tests reach into it by gate_do only.  The clock is
 * fake and moves by gate_advance; the sweep that compares it runs in real time.
 */
#ifndef TEST_HTTP_GATE_H
#define TEST_HTTP_GATE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/server.h"

struct gate {
  struct cg_loop *loop;
  struct cg_clock clock;
  struct cg_id_maker ids;
  struct cg_arena_pool *arenas;
  struct cg_metrics *metrics;
  struct cg_http_metrics metric_ids;
  struct cg_router *router;
  struct cg_server *server;
  struct cg_server_conf conf;
  pthread_t thread;
  sem_t done;
  uint16_t port;
  struct cg_exchange *kept[64]; /* by the handler of /keep, oldest first */
  int n_kept;
};

static void *gate_thread(void *arg) {
  cg_loop_run(((struct gate *)arg)->loop);
  return NULL;
}

struct gate_call {
  struct cg_mail mail;
  struct gate *gate;
  void (*fn)(struct gate *g, void *arg);
  void *arg;
};

static void gate_run_call(void *arg) {
  struct gate_call *c = arg;
  c->fn(c->gate, c->arg);
  sem_post(&c->gate->done);
}

/* Runs fn on the loop's thread and returns after it. */
static void gate_do(struct gate *g, void (*fn)(struct gate *, void *), void *arg) {
  struct gate_call call = {.gate = g, .fn = fn, .arg = arg};
  cg_loop_send(g->loop, &call.mail, gate_run_call, &call);
  while (sem_wait(&g->done) < 0) assert_int_equal(errno, EINTR);
}

static void gate_move_clock(struct gate *g, void *arg) {
  g->clock.fake_mono_us += *(int64_t *)arg;
}

static inline void gate_advance(struct gate *g, int64_t us) {
  gate_do(g, gate_move_clock, &us);
}

/* What the tests look at until it is so. */
static inline void gate_count_open(struct gate *g, void *arg) {
  *(int *)arg = (int)cg_server_open(g->server);
}

static inline void gate_count_kept(struct gate *g, void *arg) {
  *(int *)arg = g->n_kept;
}

static inline void gate_count_gone(struct gate *g, void *arg) {
  int n = 0;
  for (int i = 0; i < g->n_kept; i++) n += !cg_exchange_alive(g->kept[i]);
  *(int *)arg = n;
}

/* Until the loop has seen what the clients did; bounded, the state is what is asked. */
static inline bool gate_until(struct gate *g, void (*count)(struct gate *, void *),
                              int want) {
  int n = -1;
  for (int i = 0; i < 10000 && n != want; i++) {
    gate_do(g, count, &n);
    if (n != want) poll(NULL, 0, 1);
  }
  return n == want;
}

static void gate_listen(struct gate *g, void *arg) {
  static const char *const here[] = {"127.0.0.1"};
  const struct cg_strings names = {here, 1};
  struct cg_err err;
  (void)arg;
  CG_CHECK(cg_sockets_open(&names, 0, &g->conf.sockets, &err) &&
           cg_sockets_listen(&g->conf.sockets, &err));
  g->port = g->conf.sockets.port;
  g->server = cg_server_new(&g->conf, &err);
  CG_CHECK(g->server);
}

static void gate_unlisten(struct gate *g, void *arg) {
  (void)arg;
  cg_server_free(g->server);
}

static struct gate *gate_open(const struct cg_route *routes,
                              const struct cg_server_limits *limits, void *ssl_ctx) {
  struct cg_err err;
  struct gate *g = calloc(1, sizeof *g);
  assert_non_null(g);
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL); /* as the gate */
  g->loop = cg_loop_new(&err);
  g->clock = cg_clock_fake(INT64_C(1767225600000000)); /* 2026-01-01 */
  g->arenas = cg_arena_pool_new();
  g->metrics = cg_metrics_new(1);
  assert_true(cg_http_metrics_register(g->metrics, &g->metric_ids));
  g->router = cg_router_new(&routes, 1, &err);
  assert_non_null(g->router);
  g->conf = (struct cg_server_conf){.loop = g->loop,
                                    .ssl_ctx = ssl_ctx,
                                    .limits = limits ? *limits : cg_server_limits_default,
                                    .router = g->router,
                                    .ctx = g,
                                    .clock = &g->clock,
                                    .metrics = g->metrics,
                                    .metric_ids = &g->metric_ids,
                                    .ids = &g->ids,
                                    .arenas = g->arenas};
  sem_init(&g->done, 0, 0);
  assert_int_equal(pthread_create(&g->thread, NULL, gate_thread, g), 0);
  gate_do(g, gate_listen, NULL);
  return g;
}

static void gate_turn(struct gate *g, void *arg) {
  (void)g;
  (void)arg;
}

static void gate_close(struct gate *g) {
  gate_do(g, gate_unlisten, NULL);
  gate_do(g, gate_turn, NULL);
  cg_loop_stop(g->loop);
  pthread_join(g->thread, NULL);
  cg_loop_free(g->loop);
  cg_router_free(g->router);
  cg_metrics_free(g->metrics);
  cg_arena_pool_free(g->arenas);
  sem_destroy(&g->done);
  free(g);
}

#endif
