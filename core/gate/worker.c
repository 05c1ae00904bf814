#include "gate/worker.h"

#include <stdio.h>

#include "auth/keys.h"
#include "base/check.h"
#include "base/mem.h"
#include "gate/reload.h"
#include "lease/presence.h"
#include "lease/tally.h"

#define SWEEP_US  INT64_C(1000000)
#define REPLY_MAX ((size_t)4 * 1024 * 1024)

extern const char camgate_openapi[];

static void answer(struct cg_worker *w) {
  CG_CHECK(cg_loop_post(w->gate->loop, w->answer, w));
}

static void ask(struct cg_worker *w, void (*fn)(void *), void (*answer_fn)(void *)) {
  w->answer = answer_fn;
  CG_CHECK(cg_loop_post(w->loop, fn, w));
}

/* ---- what policies ask for ---- */

struct question {
  void (*done)(void *arg, bool ok, uint64_t in_use, const char *text);
  void *arg;
};

static void used(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct question q = *(struct question *)arg;
  const struct cgp_quota_usage *u = result;
  cg_free(arg);
  q.done(q.arg, code == CGP_OK, code == CGP_OK ? u->in_use : 0, text);
}

static void usage(void *ctx, const char *scope,
                  void (*done)(void *arg, bool ok, uint64_t in_use, const char *text),
                  void *arg) {
  struct cg_worker *w = ctx;
  struct question *q = cg_alloc(sizeof *q);
  if (!q) {
    done(arg, false, 0, "no memory");
    return;
  }
  *q = (struct question){.done = done, .arg = arg};
  cg_quota_usage(w->service.drivers, scope, used, q);
}

static struct cg_policy *compile(struct cg_worker *w, const struct cg_bundle *bundle) {
  struct cg_gate *gate = w->gate;
  struct cg_policy_env env = {.tiers = &gate->conf->lease.tiers,
                              .limits = gate->conf->limits,
                              .log = gate->log,
                              .usage = usage,
                              .ctx = w};
  struct cg_field_errors errs = {.n = 0};
  uint64_t failures = cg_mem_failures();
  struct cg_arena *arena = cg_arena_new(NULL, 1024 * 1024);
  struct cg_policy *p = arena ? cg_policy_new(bundle, &env, arena, &errs) : NULL;
  if (!p && (errs.n == 0 || cg_mem_failures() != failures))
    cg_fail(&w->err, CG_E_MEMORY, "no memory to compile the policies");
  else if (!p)
    cg_fail(&w->err, CG_E_INVALID, "%s: %s%s", errs.items[0].pointer, errs.items[0].text,
            errs.n > 1 ? " (and more: camgate check)" : "");
  cg_arena_free(arena, NULL);
  return p;
}

/* ---- set up, on the worker's thread ---- */

static void room_event(void *ctx, const struct cgp_room_event *ev) {
  cg_presence_event(ctx, ev);
}

static void sweep(void *arg);

static void swept(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_worker *w = arg;
  (void)result;
  if (code != CGP_OK) CG_LOG(w->gate->log, CG_WARN, "quota not swept", {"error", text});
  w->sweeping = false;
}

static void sweep(void *arg) {
  struct cg_worker *w = arg;
  if (!w->sweeping) {
    w->sweeping = true;
    cg_quota_sweep(w->service.drivers, swept, w);
  }
  cg_timer_start(&w->sweep, w->loop, SWEEP_US, sweep, w);
}

static void last_refusal(void *app, char *out, size_t n) {
  snprintf(out, n, "%s", ((struct cg_gate *)app)->last_refusal);
}

static bool serving(void *app) {
  return atomic_load(&((struct cg_gate *)app)->serving);
}

static int64_t started_us(void *app) {
  return ((struct cg_gate *)app)->started_us;
}

/* The key file's keys; true without one. */
static bool read_keys(const struct cg_credentials *files, struct cg_keys **ret,
                      struct cg_err *err) {
  if (!files->jwks) return true;
  *ret = cg_credentials_keys(files, err);
  return *ret;
}

static bool set_up_auth(struct cg_worker *w) {
  struct cg_gate *gate = w->gate;
  struct cg_keys *keys = NULL;
  w->service.auth = cg_auth_new(&gate->conf->auth, &w->err);
  if (!w->service.auth || !read_keys(&gate->credentials, &keys, &w->err)) return false;
  if (keys) cg_auth_publish(w->service.auth, keys);
  return true;
}

static void answer_first(void *arg) {
  answer(arg);
}

static bool follow_issuer(struct cg_worker *w) {
  struct cg_gate *gate = w->gate;
  const struct cg_jwks_env env = {.conf = &gate->conf->jwks,
                                  .auth = w->service.auth,
                                  .loop = w->loop,
                                  .clock = &cg_clock_system,
                                  .log = gate->log,
                                  .metrics = gate->metrics,
                                  .metric = &gate->lease_metrics.jwks,
                                  .worker = w->n,
                                  .first = answer_first,
                                  .ctx = w};
  w->service.jwks = cg_jwks_source_start(&env, &w->err);
  return w->service.jwks;
}

static bool set_up(struct cg_worker *w) {
  struct cg_gate *gate = w->gate;
  struct cg_service *g = &w->service;
  struct cg_drivers_env env = {.set = gate->plugins,
                               .loop = w->loop,
                               .worker = w->n,
                               .base = &gate->plugins_env,
                               .deadlines = gate->conf->deadlines,
                               .room_event = room_event,
                               .ctx = g};
  if (!set_up_auth(w) || !(g->drivers = cg_drivers_start(&env, &w->err)) ||
      !(g->policy = compile(w, gate->bundle)) || !cg_service_open(g, &w->err))
    return false;
  cg_buf_init(&w->api.out, REPLY_MAX);
  if (w->n == 0) sweep(w);
  return true;
}

static void begin(void *arg) {
  struct cg_worker *w = arg;
  w->err = (struct cg_err){0};
  bool waits = set_up(w) && w->gate->conf->jwks.url && follow_issuer(w);
  if (!waits) answer(w); /* else after the first fetch, well or not */
}

static void tear_down(struct cg_worker *w) {
  struct cg_service *g = &w->service;
  cg_timer_stop(&w->sweep);
  cg_server_free(w->admin);
  cg_server_free(w->listener);
  cg_jwks_source_free(g->jwks);
  event_base_loop(cg_loop_base(w->loop), EVLOOP_NONBLOCK); /* libevent's deferred frees */
  cg_drivers_free(g->drivers);
  if (g->leases) cg_service_close(g);
  cg_policy_unref(w->candidate);
  cg_keys_free(w->new_keys);
  cg_policy_unref(g->policy);
  cg_auth_free(g->auth);
  cg_buf_done(&w->api.out);
}

static void *thread_main(void *arg) {
  struct cg_worker *w = arg;
  char name[16]; /* pthread_setname_np(3) */
  snprintf(name, sizeof name, "worker %u", w->n);
  pthread_setname_np(pthread_self(), name);
  cg_loop_run(w->loop);
  tear_down(w);
  return NULL;
}

struct cg_worker *cg_worker_new(struct cg_gate *gate, uint32_t n, struct cg_err *err) {
  struct cg_worker *w = cg_alloc(sizeof *w);
  if (!w || !(w->pool = cg_arena_pool_new())) {
    cg_free(w);
    cg_fail(err, CG_E_MEMORY, "no memory for a worker");
    return NULL;
  }
  w->gate = gate;
  w->n = n;
  w->loop = cg_loop_new(err);
  w->service = (struct cg_service){.conf = &gate->conf->lease,
                                   .metric = &gate->lease_metrics,
                                   .loop = w->loop,
                                   .log = gate->log,
                                   .metrics = gate->metrics,
                                   .clock = &cg_clock_system,
                                   .pool = w->pool,
                                   .peers = gate->peers,
                                   .worker = n,
                                   .n_workers = gate->n_workers};
  w->api = (struct cg_api){.service = &w->service,
                           .plugins = gate->plugins,
                           .metrics = gate->metrics,
                           .version = CAMGATE_VERSION,
                           .node = gate->conf->node,
                           .openapi = camgate_openapi,
                           .reload = cg_reload_ask,
                           .last_refusal = last_refusal,
                           .serving = serving,
                           .started_us = started_us,
                           .app = gate};
  if (w->loop) return w;
  cg_worker_free(w);
  return NULL;
}

bool cg_worker_start(struct cg_worker *w, void (*answer_fn)(void *), struct cg_err *err) {
  ask(w, begin, answer_fn);
  w->started = pthread_create(&w->thread, NULL, thread_main, w) == 0;
  return w->started || cg_fail(err, CG_E_BUSY, "cannot start a thread");
}

void cg_worker_free(struct cg_worker *w) {
  if (!w) return;
  if (w->started) {
    cg_loop_stop(w->loop);
    pthread_join(w->thread, NULL);
  }
  cg_loop_free(w->loop);
  cg_arena_pool_free(w->pool);
  cg_free(w);
}

/* ---- listening and draining ---- */

static struct cg_server *open_server(struct cg_worker *w, const char *address,
                                     uint16_t port, const struct cg_router *router) {
  struct cg_gate *gate = w->gate;
  bool admin = router == gate->admin_router;
  struct cg_server_conf conf = {
      .loop = w->loop,
      .address = address,
      .port = port,
      .reuseport = !admin && gate->n_workers > 1,
      .ssl_ctx = admin ? NULL : gate->credentials.tls,
      .access = admin ? &gate->conf->admin_access : &gate->conf->listen_access,
      .limits = admin ? cg_server_limits_default : gate->conf->http,
      .router = router,
      .ctx = &w->api,
      .clock = &cg_clock_system,
      .log = gate->log,
      .metrics = gate->metrics,
      .metric_ids = &gate->http_metrics,
      .worker = w->n,
      .ids = &w->service.ids,
      .arenas = w->pool,
  };
  return cg_server_new(&conf, &w->err);
}

static void listen_public(void *arg) {
  struct cg_worker *w = arg;
  w->err = (struct cg_err){0};
  w->listener =
      open_server(w, w->gate->conf->listen_address, w->port, w->gate->public_router);
  if (w->listener) w->port = cg_server_port(w->listener);
  answer(w);
}

static void listen_admin(void *arg) {
  struct cg_worker *w = arg;
  w->err = (struct cg_err){0};
  w->admin = open_server(w, w->gate->conf->admin_address,
                         (uint16_t)w->gate->conf->admin_port, w->gate->admin_router);
  if (w->admin) w->port = cg_server_port(w->admin);
  answer(w);
}

void cg_worker_listen(struct cg_worker *w, bool admin, void (*answer_fn)(void *)) {
  ask(w, admin ? listen_admin : listen_public, answer_fn);
}

static void drain(void *arg) {
  struct cg_worker *w = arg;
  w->busy = w->service.in_flight;
  if (w->listener) {
    cg_server_drain(w->listener);
    w->busy += cg_server_open(w->listener);
  }
  if (w->service.tally) cg_tally_flush(w->service.tally);
  answer(w);
}

void cg_worker_drain(struct cg_worker *w, void (*answer_fn)(void *)) {
  ask(w, drain, answer_fn);
}

/* ---- reloads ---- */

static void compile_candidate(void *arg) {
  struct cg_worker *w = arg;
  const struct cg_reload *r = w->gate->reload;
  w->err = (struct cg_err){0};
  w->candidate = compile(w, cg_reload_bundle(r));
  bool ok = w->candidate && read_keys(cg_reload_credentials(r), &w->new_keys, &w->err);
  (void)ok; /* err has it */
  answer(w);
}

void cg_worker_compile(struct cg_worker *w, void (*answer_fn)(void *)) {
  ask(w, compile_candidate, answer_fn);
}

static void swap(void *arg) {
  struct cg_worker *w = arg;
  cg_policy_unref(w->service.policy);
  w->service.policy = w->candidate;
  if (w->new_keys) cg_auth_publish(w->service.auth, w->new_keys);
  if (w->gate->credentials.tls)
    cg_server_set_ssl_ctx(w->listener, w->gate->credentials.tls);
  w->candidate = NULL;
  w->new_keys = NULL;
  answer(w);
}

static void drop(void *arg) {
  struct cg_worker *w = arg;
  cg_policy_unref(w->candidate);
  cg_keys_free(w->new_keys);
  w->candidate = NULL;
  w->new_keys = NULL;
  answer(w);
}

void cg_worker_swap(struct cg_worker *w, bool keep, void (*answer_fn)(void *)) {
  ask(w, keep ? swap : drop, answer_fn);
}
