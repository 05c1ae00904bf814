#include "gate/worker.h"

#include <stdio.h>

#include "auth/keys.h"
#include "base/check.h"
#include "base/mem.h"
#include "lease/clock_watch.h"
#include "lease/end.h"
#include "lease/gap.h"
#include "lease/open.h"
#include "lease/presence.h"
#include "lease/row.h"
#include "lease/sweep.h"
#include "lease/tally.h"

#define REPLY_MAX ((size_t)4 * 1024 * 1024)

extern const char camgate_openapi[];

/* ---- jobs: asked by the main thread, answered on its loop ---- */

static void answered(void *arg) {
  struct cg_job *j = arg;
  if (j->w->workers->over) return;
  j->fn(j->arg, j->w, j->err.code == CG_OK ? NULL : &j->err);
}

static void answer(struct cg_job *j) {
  cg_loop_send(j->w->workers->main, &j->mail, answered, j);
}

/* run: with the job, on the worker's thread. */
static void ask(struct cg_job *j, struct cg_worker *w, void (*run)(void *job),
                cg_worker_fn *fn, void *arg) {
  j->w = w;
  j->fn = fn;
  j->arg = arg;
  j->err = (struct cg_err){0};
  cg_loop_send(w->loop, &j->mail, run, j);
}

/* ---- what is made of policies and credentials ---- */

static struct cg_policy *compile(struct cg_worker *w, const struct cg_files *files,
                                 struct cg_err *err) {
  const struct cg_conf *conf = w->workers->conf;
  struct cg_policy_env env = {.tiers = &conf->lease.tiers,
                              .zones = files->zones,
                              .limits = conf->limits,
                              .log = w->workers->log,
                              .usage = cg_service_usage,
                              .ctx = &w->service};
  struct cg_field_errors errs = {.n = 0};
  uint64_t failures = cg_mem_failures();
  struct cg_arena *arena = cg_arena_new(NULL, 1024 * 1024);
  struct cg_policy *p = arena ? cg_policy_new(files->bundle, &env, arena, &errs) : NULL;
  if (!p && (errs.n == 0 || cg_mem_failures() != failures))
    cg_fail(err, CG_E_MEMORY, "no memory to compile the policies");
  else if (!p)
    cg_fail(err, CG_E_INVALID, "%s: %s%s", errs.items[0].pointer, errs.items[0].text,
            errs.n > 1 ? " (and more: camgate check)" : "");
  cg_arena_free(arena, NULL);
  return p;
}

/* The key file's keys; true without one. */
static bool read_keys(const struct cg_credentials *files, struct cg_keys **ret,
                      struct cg_err *err) {
  if (!files->jwks) return true;
  *ret = cg_credentials_keys(files, err);
  return *ret;
}

/* ---- starting ---- */

static void room_event(void *ctx, const struct cgp_room_event *ev, cg_told_fn *told,
                       void *arg) {
  cg_presence_event(ctx, ev, told, arg);
}

static bool set_up_auth(struct cg_worker *w, const struct cg_credentials *credentials,
                        struct cg_err *err) {
  struct cg_keys *keys = NULL;
  w->service.auth = cg_auth_new(&w->workers->conf->auth, err);
  if (!w->service.auth || !read_keys(credentials, &keys, err)) return false;
  if (keys) cg_auth_publish(w->service.auth, keys);
  return true;
}

static void first_keys(void *arg) {
  struct cg_worker *w = arg;
  answer(&w->starting);
}

static bool follow_issuer(struct cg_worker *w, struct cg_err *err) {
  struct cg_workers *all = w->workers;
  const struct cg_jwks_env env = {.conf = &all->conf->jwks,
                                  .auth = w->service.auth,
                                  .loop = w->loop,
                                  .clock = &cg_clock_system,
                                  .log = all->log,
                                  .metrics = all->metrics,
                                  .metric = &all->lease_metrics.jwks,
                                  .worker = w->n,
                                  .first = first_keys,
                                  .ctx = w};
  w->service.jwks = cg_jwks_source_start(&env, err);
  return w->service.jwks;
}

static bool set_up(struct cg_worker *w, const struct cg_job *j, struct cg_err *err) {
  struct cg_workers *all = w->workers;
  struct cg_service *g = &w->service;
  struct cg_drivers_env env = {.set = all->plugins,
                               .loop = w->loop,
                               .worker = w->n,
                               .base = &all->plugins_env,
                               .deadlines = all->conf->deadlines,
                               .room_event = room_event,
                               .ctx = g};
  if (!set_up_auth(w, &j->files->credentials, err) ||
      !(g->drivers = cg_drivers_start(&env, err)) ||
      !(g->policy = compile(w, j->files, err)) || !cg_service_open(g, err))
    return false;
  cg_buf_init(&w->api.out, REPLY_MAX);
  if (w->n > 0) return true;
  cg_sweep_start(g);
  return cg_clock_watch_start(g) ||
         cg_fail(err, CG_E_MEMORY, "no memory to watch the wall clock");
}

static void begin(void *arg) {
  struct cg_job *j = arg;
  struct cg_worker *w = j->w;
  bool waits =
      set_up(w, j, &j->err) && w->workers->conf->jwks.url && follow_issuer(w, &j->err);
  if (!waits) answer(j); /* else after the first fetch, well or not */
}

static void tear_down(struct cg_worker *w) {
  struct cg_service *g = &w->service;
  cg_timer_stop(&g->sweep);
  cg_gaps_stop(g->gaps);
  cg_timer_stop(&w->probe.timer);
  cg_timer_stop(&w->feeling);
  cg_server_free(w->admin);
  cg_server_free(w->listener);
  cg_jwks_source_free(g->jwks);
  event_base_loop(cg_loop_base(w->loop), EVLOOP_NONBLOCK); /* libevent's deferred frees */
  cg_drivers_free(g->drivers);
  if (!cg_service_closed(g)) cg_service_close(g);
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

struct cg_worker *cg_worker_new(struct cg_workers *workers, uint32_t n,
                                struct cg_err *err) {
  struct cg_worker *w = cg_alloc(sizeof *w);
  if (!w || !(w->pool = cg_arena_pool_new())) {
    cg_free(w);
    cg_fail(err, CG_E_MEMORY, "no memory for a worker");
    return NULL;
  }
  w->workers = workers;
  w->n = n;
  w->loop = cg_loop_new(err);
  w->service = (struct cg_service){.conf = &workers->conf->lease,
                                   .metric = &workers->lease_metrics,
                                   .loop = w->loop,
                                   .log = workers->log,
                                   .metrics = workers->metrics,
                                   .clock = &cg_clock_system,
                                   .teller = &workers->teller,
                                   .pool = w->pool,
                                   .peers = workers->peers,
                                   .worker = n,
                                   .n_workers = workers->n};
  w->api = workers->api;
  w->api.service = &w->service;
  w->api.plugins = workers->plugins;
  w->api.metrics = workers->metrics;
  w->api.version = CAMGATE_VERSION;
  w->api.node = workers->conf->node;
  w->api.openapi = camgate_openapi;
  if (w->loop) return w;
  cg_worker_free(w);
  return NULL;
}

bool cg_worker_start(struct cg_worker *w, const struct cg_files *files, cg_worker_fn *fn,
                     void *arg, struct cg_err *err) {
  w->started = pthread_create(&w->thread, NULL, thread_main, w) == 0;
  if (!w->started) return cg_fail(err, CG_E_BUSY, "cannot start a thread");
  w->starting.files = files;
  ask(&w->starting, w, begin, fn, arg);
  return true;
}

void cg_worker_stop(struct cg_worker *w) {
  if (!w || !w->started) return;
  cg_loop_stop(w->loop);
  pthread_join(w->thread, NULL);
}

void cg_worker_free(struct cg_worker *w) {
  if (!w) return;
  cg_sockets_close(&w->sockets);
  cg_sockets_close(&w->admin_sockets);
  cg_loop_free(w->loop);
  cg_arena_pool_free(w->pool);
  cg_free(w);
}

/* ---- listening ---- */

static struct cg_server *open_server(struct cg_worker *w, struct cg_server_conf conf,
                                     struct cg_err *err) {
  struct cg_workers *all = w->workers;
  conf.loop = w->loop;
  conf.ctx = &w->api;
  conf.clock = &cg_clock_system;
  conf.log = all->log;
  conf.metrics = all->metrics;
  conf.metric_ids = &all->http_metrics;
  conf.worker = w->n;
  conf.ids = &w->service.ids;
  conf.arenas = w->pool;
  return cg_server_new(&conf, err);
}

/* They are the server's from now on. */
static struct cg_sockets take_sockets(struct cg_sockets *from) {
  struct cg_sockets taken = *from;
  from->n = 0;
  return taken;
}

static void listen_public(void *arg) {
  struct cg_job *j = arg;
  struct cg_worker *w = j->w;
  const struct cg_conf *conf = w->workers->conf;
  const struct cg_server_conf wanted = {.sockets = take_sockets(&w->sockets),
                                        .ssl_ctx = j->files->credentials.tls,
                                        .access = &conf->listen_access,
                                        .cors = conf->cors,
                                        .limits = conf->http,
                                        .router = w->workers->public_router};
  w->listener = open_server(w, wanted, &j->err);
  cg_probe_begin(&w->probe, &w->service, w->workers->plugins, &w->workers->n_ill);
  answer(j);
}

static void feel_main(void *arg) {
  struct cg_worker *w = arg;
  cg_pulse_look(&w->main);
  cg_timer_start(&w->feeling, w->loop, CG_PULSE_US, feel_main, w);
}

static void listen_admin(void *arg) {
  struct cg_job *j = arg;
  struct cg_worker *w = j->w;
  const struct cg_conf *conf = w->workers->conf;
  const struct cg_server_conf wanted = {.sockets = take_sockets(&w->admin_sockets),
                                        .access = &conf->admin_access,
                                        .limits = cg_server_limits_default,
                                        .router = w->workers->admin_router};
  w->admin = open_server(w, wanted, &j->err);
  w->main.of = w->workers->main;
  feel_main(w);
  answer(j);
}

void cg_worker_listen(struct cg_worker *w, const struct cg_files *files, cg_worker_fn *fn,
                      void *arg) {
  w->starting.files = files;
  ask(&w->starting, w, listen_public, fn, arg);
}

void cg_worker_listen_admin(struct cg_worker *w, cg_worker_fn *fn, void *arg) {
  ask(&w->starting, w, listen_admin, fn, arg);
}

/* ---- renewing ---- */

static void compile_candidate(void *arg) {
  struct cg_job *j = arg;
  struct cg_worker *w = j->w;
  w->candidate = compile(w, j->files, &j->err);
  bool ok = w->candidate && read_keys(&j->files->credentials, &w->new_keys, &j->err);
  (void)ok; /* err has it */
  answer(j);
}

void cg_worker_compile(struct cg_worker *w, const struct cg_files *files,
                       cg_worker_fn *fn, void *arg) {
  w->renewing.files = files;
  ask(&w->renewing, w, compile_candidate, fn, arg);
}

static void swap(void *arg) {
  struct cg_job *j = arg;
  struct cg_worker *w = j->w;
  cg_policy_unref(w->service.policy);
  w->service.policy = w->candidate;
  if (w->new_keys) cg_auth_publish(w->service.auth, w->new_keys);
  void *tls = j->files->credentials.tls;
  if (tls) cg_server_set_ssl_ctx(w->listener, tls);
  w->candidate = NULL;
  w->new_keys = NULL;
  answer(j);
}

static void drop(void *arg) {
  struct cg_job *j = arg;
  struct cg_worker *w = j->w;
  cg_policy_unref(w->candidate);
  cg_keys_free(w->new_keys);
  w->candidate = NULL;
  w->new_keys = NULL;
  answer(j);
}

void cg_worker_swap(struct cg_worker *w, const struct cg_files *files, cg_worker_fn *fn,
                    void *arg) {
  w->renewing.files = files;
  ask(&w->renewing, w, files ? swap : drop, fn, arg);
}

/* ---- draining ---- */

static void drain(void *arg) {
  struct cg_job *j = arg;
  struct cg_worker *w = j->w;
  w->busy = w->service.in_flight;
  if (w->service.endings) w->busy += (uint32_t)cg_endings_open(w->service.endings);
  if (w->listener) {
    cg_server_drain(w->listener);
    w->busy += cg_server_open(w->listener);
  }
  if (w->service.tally) cg_tally_flush(w->service.tally);
  answer(j);
}

void cg_worker_drain(struct cg_worker *w, cg_worker_fn *fn, void *arg) {
  ask(&w->draining, w, drain, fn, arg);
}

/* ---- rows about the gate itself ---- */

void cg_worker_record(struct cg_worker *w, const char *kind, const char *outcome,
                      const char *reason, const char *revision, cg_call_fn *fn,
                      void *arg) {
  struct cgp_audit_row row = cg_row_blank(kind);
  row.outcome = outcome;
  row.reason = reason;
  row.policy_revision = revision;
  cg_audit_append(w->service.drivers, &row, 1, fn, arg);
}
