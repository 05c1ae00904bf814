#include "gate/gate.h"

#include <event2/event.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/process_log.h"
#include "gate/reload.h"
#include "gate/watch.h"
#include "gate/worker.h"
#include "lease/restore.h"

#define POLL_US   (20 * INT64_C(1000))
#define RETRY_US  INT64_C(2000000)
#define ARENA_MAX ((size_t)1024 * 1024)
#define SIGNALS   3

struct gate {
  struct cg_workers workers;
  struct cg_reloads reloads;
  struct cg_watch *watch;  /* once every worker is set up */
  struct cg_arena *arena;  /* what plugins were loaded with */
  struct cg_mail starting; /* main thread -> worker 0 -> main thread: restoring */
  struct cg_mail stopping; /* likewise: the last row */
  struct cg_timer timer;
  struct event *signals[SIGNALS];
  uint32_t n_up, n_listening, n_polled, n_busy;
  struct cg_err start_error; /* a worker could not be set up */
  uint16_t port, admin_port; /* that are served */
  int64_t drain_until_us;    /* of the main loop; 0 = not draining */
  _Atomic bool serving;      /* read by every worker */
  bool failed;
};

/* The gate's life, step by step, as this file goes. */
static bool make(struct gate *gate, struct cg_err *err);
static bool start_workers(struct gate *gate, struct cg_err *err);
static void worker_up(void *arg, struct cg_worker *w, const struct cg_err *err);
static void admin_listens(void *arg, struct cg_worker *w, const struct cg_err *err);
static void restore(void *arg);
static void listen_all(void *arg);
static void worker_listens(void *arg, struct cg_worker *w, const struct cg_err *err);
static void drain(struct gate *gate);
static void poll_workers(void *arg);
static void record_stop(void *arg);
static void free_all(struct gate *gate);

/* For people, beside the log's lines. */
static void say(struct gate *gate, const struct cg_err *err) {
  if (gate->workers.log)
    cg_log_say(gate->workers.log, "camgate: %s", err->text);
  else
    fprintf(stderr, "camgate: %s\n", err->text);
}

bool cg_gate_run(const struct cg_conf *conf) {
  struct cg_err err = {0};
  struct gate *gate = cg_alloc(sizeof *gate);
  if (!gate) {
    fprintf(stderr, "camgate: no memory to start\n");
    return false;
  }
  gate->workers.conf = conf;
  if (make(gate, &err) && start_workers(gate, &err)) {
    if (conf->dev_secret)
      CG_LOG(
          gate->workers.log, CG_WARN,
          "no JWT key is configured: using the development secret in the state folder");
    cg_loop_run(gate->workers.main);
  } else {
    if (err.code != CG_OK) say(gate, &err);
    gate->failed = true;
  }
  bool ok = !gate->failed;
  free_all(gate);
  return ok;
}

/* ---- made: what all workers share ---- */

static bool make_metrics(struct gate *gate, struct cg_err *err) {
  struct cg_workers *w = &gate->workers;
  w->log =
      cg_log_new(STDERR_FILENO, cg_level_named(w->conf->log_level), &cg_clock_system);
  w->metrics = cg_metrics_new(w->n);
  if (!w->log || !w->metrics) return cg_fail(err, CG_E_MEMORY, "no memory to start");
  if (!cg_log_start(w->log, w->metrics, err)) return false;
  cg_process_log(w->log);
  if (w->conf->auth.secret) cg_log_secret(w->log, w->conf->auth.secret);
  w->lease_metrics = cg_lease_metrics_register(w->metrics);
  w->hung_metric = cg_metric(w->metrics, CG_GAUGE, "workers_hung", "",
                             "Workers whose loop has not turned for 2 s.");
  return cg_http_metrics_register(w->metrics, &w->http_metrics) ||
         cg_fail(err, CG_E_INTERNAL, "metrics cannot be registered");
}

static bool make_routers(struct gate *gate, struct cg_err *err) {
  const struct cg_route *public[] = {cg_api_stream_routes, cg_api_question_routes,
                                     cg_api_document_routes};
  const struct cg_route *admin[] = {cg_api_admin_routes};
  struct cg_workers *w = &gate->workers;
  w->public_router = cg_router_new(public, CG_COUNT(public), err);
  w->admin_router = cg_router_new(admin, CG_COUNT(admin), err);
  if (!w->public_router || !w->admin_router) return false;
  cg_router_set_fallback(w->public_router, cg_api_plugin_route);
  return true;
}

/* false: stderr says why. */
static bool load_plugins(struct gate *gate) {
  struct cg_workers *w = &gate->workers;
  const struct cg_conf *conf = w->conf;
  struct cg_field_errors errs = {.n = 0};
  cg_teller_init(&w->teller, &cg_clock_system);
  w->plugins_env = (struct cg_plugins_env){.dir = conf->plugin_dir,
                                           .options = conf->plugin_options,
                                           .conf_dir = conf->dir,
                                           .state_dir = conf->state_dir,
                                           .node = conf->node,
                                           .log = w->log,
                                           .metrics = w->metrics,
                                           .clock = &cg_clock_system,
                                           .n_workers = w->n};
  w->plugins = cg_plugins_load(&w->plugins_env, gate->arena, &errs);
  bool ok = w->plugins && cg_plugins_init(w->plugins, gate->arena, &errs);
  struct cg_conf_problems problems = {.n = 0};
  cg_conf_tell(conf, &errs, &problems);
  cg_conf_sort(&problems);
  for (size_t i = 0; i < problems.n; i++)
    cg_log_say(w->log, "%s: %s", problems.items[i].where, problems.items[i].text);
  return ok;
}

static void on_signal(evutil_socket_t number, short what, void *arg) {
  struct gate *gate = arg;
  (void)what;
  if (number == SIGHUP)
    cg_reload_now(&gate->reloads, "SIGHUP");
  else
    drain(gate);
}

static bool watch_signals(struct gate *gate, struct cg_err *err) {
  static const int numbers[SIGNALS] = {SIGHUP, SIGTERM, SIGINT};
  struct event_base *base = cg_loop_base(gate->workers.main);
  for (size_t i = 0; i < SIGNALS; i++) {
    gate->signals[i] = evsignal_new(base, numbers[i], on_signal, gate);
    if (!gate->signals[i] || event_add(gate->signals[i], NULL) != 0)
      return cg_fail(err, CG_E_MEMORY, "no memory to watch for signals");
  }
  return true;
}

static void reload_over(void *arg) {
  struct gate *gate = arg;
  if (gate->drain_until_us) poll_workers(gate);
}

static void ask_reload(void *app, struct cg_service *asker, const char *who,
                       cg_reloaded_fn *fn, void *arg) {
  cg_reload_ask(&((struct gate *)app)->reloads, asker, who, fn, arg);
}

static void last_refusal(void *app, char *out, size_t n) {
  snprintf(out, n, "%s", ((struct gate *)app)->reloads.last_refusal);
}

static bool is_serving(void *app) {
  return atomic_load(&((struct gate *)app)->serving);
}

static bool is_alive(void *app, char *out, size_t n) {
  return !cg_watch_hung(((struct gate *)app)->watch, CG_DEAD_US, out, n);
}

static bool is_able(void *app, char *out, size_t n) {
  return cg_watch_able(((struct gate *)app)->watch, out, n);
}

static bool make(struct gate *gate, struct cg_err *err) {
  struct cg_workers *w = &gate->workers;
  w->n = (uint32_t)w->conf->workers;
  w->api = (struct cg_api){.reload = ask_reload,
                           .last_refusal = last_refusal,
                           .serving = is_serving,
                           .started_us = cg_clock_system.wall_us(&cg_clock_system),
                           .alive = is_alive,
                           .able = is_able,
                           .app = gate};
  gate->reloads = (struct cg_reloads){.workers = w, .over = reload_over, .arg = gate};
  gate->arena = cg_arena_new(NULL, ARENA_MAX);
  if (!gate->arena) return cg_fail(err, CG_E_MEMORY, "no memory to start");
  if (!make_metrics(gate, err) || !cg_reloads_read(&gate->reloads, err) ||
      !(w->main = cg_loop_new(err)) || !make_routers(gate, err))
    return false;
  return load_plugins(gate) && watch_signals(gate, err);
}

/* ---- every worker is set up ---- */

/* A port that is taken is told before anything is begun. */
static bool bind_ports(struct gate *gate, struct cg_err *err) {
  const struct cg_conf *conf = gate->workers.conf;
  struct cg_worker *zero = gate->workers.all[0];
  return cg_sockets_open(&conf->listen_addresses, (uint16_t)conf->port, &zero->sockets,
                         err) &&
         cg_sockets_open(&conf->admin_addresses, (uint16_t)conf->admin_port,
                         &zero->admin_sockets, err);
}

static bool start_workers(struct gate *gate, struct cg_err *err) {
  struct cg_workers *w = &gate->workers;
  w->peers = cg_alloc(w->n * sizeof(void *));
  w->all = cg_alloc(w->n * sizeof(void *));
  if (!w->peers || !w->all) return cg_fail(err, CG_E_MEMORY, "no memory for the workers");
  for (uint32_t i = 0; i < w->n; i++) {
    if (!(w->all[i] = cg_worker_new(w, i, err))) return false;
    w->peers[i] = &w->all[i]->service;
  }
  if (!bind_ports(gate, err)) return false;
  for (uint32_t i = 0; i < w->n; i++)
    if (!cg_worker_start(w->all[i], &gate->reloads.files, worker_up, gate, err))
      return false;
  return true;
}

static void give_up(struct gate *gate, const struct cg_err *err) {
  CG_LOG(gate->workers.log, CG_ERROR, "cannot start", {"error", err->text});
  say(gate, err);
  gate->failed = true;
  cg_loop_stop(gate->workers.main);
}

static void worker_up(void *arg, struct cg_worker *w, const struct cg_err *err) {
  struct gate *gate = arg;
  struct cg_worker *zero = w->workers->all[0];
  if (err && gate->start_error.code == CG_OK) gate->start_error = *err;
  if (++gate->n_up < w->workers->n || gate->drain_until_us) return;
  if (gate->start_error.code != CG_OK) {
    give_up(gate, &gate->start_error);
    return;
  }
  struct cg_err taken;
  gate->admin_port = zero->admin_sockets.port;
  if ((gate->watch = cg_watch_new(w->workers, &taken)) &&
      cg_sockets_listen(&zero->admin_sockets, &taken))
    cg_worker_listen_admin(zero, admin_listens, gate);
  else
    give_up(gate, &taken);
}

static void admin_listens(void *arg, struct cg_worker *w, const struct cg_err *err) {
  struct gate *gate = arg;
  if (err)
    give_up(gate, err);
  else if (!gate->drain_until_us)
    cg_loop_send(w->loop, &gate->starting, restore, gate);
}

/* ---- leases are back from the trail ---- */

static void restore_again(void *arg) {
  struct gate *gate = arg;
  if (!gate->drain_until_us)
    cg_loop_send(gate->workers.all[0]->loop, &gate->starting, restore, gate);
}

static void wait_and_restore(void *arg) {
  struct gate *gate = arg;
  if (!gate->drain_until_us)
    cg_timer_start(&gate->timer, gate->workers.main, RETRY_US, restore_again, gate);
}

static void start_recorded(void *arg, enum cgp_code code, const void *result,
                           const char *text) {
  struct gate *gate = arg;
  (void)result;
  if (code != CGP_OK)
    CG_LOG(gate->workers.log, CG_ERROR, "the start is not recorded", {"error", text});
  cg_loop_send(gate->workers.main, &gate->starting, listen_all, gate);
}

static void restored(void *arg, const struct cg_err *err, size_t n) {
  struct gate *gate = arg;
  struct cg_worker *zero = gate->workers.all[0];
  if (cg_service_closed(&zero->service)) return; /* the gate stopped meanwhile */
  if (err) {
    CG_LOG(gate->workers.log, CG_ERROR, "cannot take the live leases back yet",
           {"error", err->text});
    cg_loop_send(gate->workers.main, &gate->starting, wait_and_restore, gate);
    return;
  }
  CG_LOG(gate->workers.log, CG_INFO, "live leases are back", {"count", NULL, (int64_t)n});
  cg_worker_record(zero, "start", "", CAMGATE_VERSION,
                   cg_policy_revision(zero->service.policy), start_recorded, gate);
}

/* Worker 0's thread, as what it is answered by. */
static void restore(void *arg) {
  struct gate *gate = arg;
  cg_restore(&gate->workers.all[0]->service, restored, gate);
}

/* ---- listening, one worker after the other ---- */

/* Worker 0's sockets listen, and the others' beside them. */
static bool open_ports(struct gate *gate, struct cg_err *err) {
  const struct cg_workers *w = &gate->workers;
  const struct cg_sockets *first = &w->all[0]->sockets;
  gate->port = first->port;
  if (!cg_sockets_listen(first, err)) return false;
  for (uint32_t i = 1; i < w->n; i++)
    if (!cg_sockets_join(first, &w->all[i]->sockets, err)) return false;
  return true;
}

static void listen_next(struct gate *gate) {
  struct cg_worker *w = gate->workers.all[gate->n_listening];
  cg_worker_listen(w, &gate->reloads.files, worker_listens, gate);
}

static void listen_all(void *arg) {
  struct gate *gate = arg;
  struct cg_err err;
  if (gate->drain_until_us) return;
  if (open_ports(gate, &err))
    listen_next(gate);
  else
    give_up(gate, &err);
}

static void worker_listens(void *arg, struct cg_worker *w, const struct cg_err *err) {
  struct gate *gate = arg;
  const struct cg_workers *all = w->workers;
  if (gate->drain_until_us) return;
  if (err) {
    give_up(gate, err);
    return;
  }
  if (++gate->n_listening < all->n) {
    listen_next(gate);
    return;
  }
  gate->reloads.allowed = true;
  atomic_store(&gate->serving, true);
  CG_LOG(all->log, CG_INFO, "serving", {"port", NULL, gate->port},
         {"admin_port", NULL, gate->admin_port}, {"workers", NULL, all->n},
         {"policy_rev", gate->reloads.files.bundle->revision},
         {"zone", gate->reloads.files.zones->gate->name});
}

/* ---- drain: until nobody is served any more, or time is up ---- */

static void stop_now(void *arg) {
  struct gate *gate = arg;
  cg_loop_stop(gate->workers.main);
}

static void drain(struct gate *gate) {
  struct cg_workers *w = &gate->workers;
  if (gate->drain_until_us) return;
  int64_t patience_us = w->conf->drain_s * 1000000;
  gate->drain_until_us = cg_loop_now(w->main) + patience_us;
  gate->reloads.allowed = false;
  atomic_store(&gate->serving, false);
  CG_LOG(w->log, CG_INFO, "draining");
  cg_timer_stop(&gate->timer);
  if (gate->watch) cg_watch_end_in(gate->watch, patience_us);
  if (gate->n_up < w->n)
    stop_now(gate);
  else if (gate->reloads.under_way) /* its end goes on here, but not for ever */
    cg_timer_start(&gate->timer, w->main, patience_us, stop_now, gate);
  else
    poll_workers(gate);
}

static void polled(void *arg, struct cg_worker *w, const struct cg_err *err) {
  struct gate *gate = arg;
  struct cg_workers *all = w->workers;
  (void)err;
  gate->n_busy += w->busy;
  if (++gate->n_polled < all->n) return;
  if (gate->n_busy > 0 && cg_loop_now(all->main) < gate->drain_until_us) {
    cg_timer_start(&gate->timer, all->main, POLL_US, poll_workers, gate);
    return;
  }
  if (gate->n_busy > 0)
    CG_LOG(all->log, CG_WARN, "requests or ends were still under way when time was up",
           {"count", NULL, gate->n_busy});
  cg_loop_send(all->all[0]->loop, &gate->stopping, record_stop, gate);
}

static void poll_workers(void *arg) {
  struct gate *gate = arg;
  gate->n_polled = gate->n_busy = 0;
  for (uint32_t i = 0; i < gate->workers.n; i++)
    cg_worker_drain(gate->workers.all[i], polled, gate);
}

/* ---- the last row, by worker 0 ---- */

static void stop_recorded(void *arg, enum cgp_code code, const void *result,
                          const char *text) {
  struct gate *gate = arg;
  (void)result;
  if (code != CGP_OK)
    CG_LOG(gate->workers.log, CG_ERROR, "the stop is not recorded", {"error", text});
  cg_loop_send(gate->workers.main, &gate->stopping, stop_now, gate);
}

static void record_stop(void *arg) {
  struct gate *gate = arg;
  struct cg_worker *zero = gate->workers.all[0];
  cg_worker_record(zero, "stop", "", "", cg_policy_revision(zero->service.policy),
                   stop_recorded, gate);
}

/* ---- stop and free ---- */

static void stop_workers(struct gate *gate) {
  struct cg_workers *w = &gate->workers;
  for (uint32_t i = 0; w->all && i < w->n; i++) cg_worker_stop(w->all[i]);
  cg_watch_free(gate->watch);
  w->over = true;
  cg_timer_stop(&gate->timer);
  for (size_t i = 0; i < SIGNALS; i++)
    if (gate->signals[i]) event_free(gate->signals[i]);
}

static void free_all(struct gate *gate) {
  struct cg_workers *w = &gate->workers;
  stop_workers(gate);
  cg_loop_free(w->main); /* with the workers' last answers, which are dropped */
  for (uint32_t i = 0; w->all && i < w->n; i++) cg_worker_free(w->all[i]);
  cg_free(w->all);
  cg_free(w->peers);
  cg_plugins_free(w->plugins);
  cg_router_free(w->public_router);
  cg_router_free(w->admin_router);
  cg_reloads_free(&gate->reloads);
  cg_process_log(NULL);
  cg_log_free(w->log);
  cg_metrics_free(w->metrics);
  cg_arena_free(gate->arena, NULL);
  cg_free(gate);
}
