/* `camgate run` */
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/cmd_opts.h"
#include "gate/reload.h"
#include "gate/watch.h"
#include "gate/worker.h"
#include "lease/restore.h"
#include "lease/row.h"

#define POLL_US  (20 * INT64_C(1000))
#define RETRY_US INT64_C(2000000)

static int64_t mono_us(void) {
  return cg_clock_system.mono_us(&cg_clock_system);
}

/* ---- rows about the gate itself ---- */

static void noted(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_worker *w = arg;
  (void)result;
  if (code != CGP_OK)
    CG_LOG(w->gate->log, CG_ERROR, "an event of the gate is not recorded",
           {"error", text});
}

void cg_gate_record(struct cg_worker *zero, const char *kind, const char *outcome,
                    const char *reason, const char *revision, cg_call_fn *fn, void *arg) {
  struct cgp_audit_row row = cg_row_blank(kind);
  row.outcome = outcome;
  row.reason = reason;
  row.policy_revision = revision;
  cg_audit_append(zero->service.drivers, &row, 1, fn ? fn : noted, fn ? arg : zero);
}

static void record_start(void *arg) {
  struct cg_worker *w = arg;
  cg_gate_record(w, "start", "", CAMGATE_VERSION, cg_policy_revision(w->service.policy),
                 NULL, NULL);
}

/* ---- stopping ---- */

static void stop_now(void *arg) {
  struct cg_gate *gate = arg;
  cg_loop_stop(gate->loop);
}

static void stop_recorded(void *arg, enum cgp_code code, const void *result,
                          const char *text) {
  struct cg_worker *w = arg;
  noted(w, code, result, text);
  CG_CHECK(cg_loop_post(w->gate->loop, stop_now, w->gate));
}

static void record_stop(void *arg) {
  struct cg_worker *w = arg;
  cg_gate_record(w, "stop", "", "", cg_policy_revision(w->service.policy), stop_recorded,
                 w);
}

static void poll_workers(void *arg);

static void polled(void *arg) {
  struct cg_worker *w = arg;
  struct cg_gate *gate = w->gate;
  gate->n_busy += w->busy;
  if (++gate->n_polled < gate->n_workers) return;
  if (gate->n_busy > 0 && mono_us() < gate->drain_until_us) {
    cg_timer_start(&gate->timer, gate->loop, POLL_US, poll_workers, gate);
    return;
  }
  if (gate->n_busy > 0)
    CG_LOG(gate->log, CG_WARN, "requests were still in flight when time was up",
           {"count", NULL, gate->n_busy});
  CG_CHECK(cg_loop_post(gate->workers[0]->loop, record_stop, gate->workers[0]));
}

static void poll_workers(void *arg) {
  struct cg_gate *gate = arg;
  gate->n_polled = gate->n_busy = 0;
  for (uint32_t i = 0; i < gate->n_workers; i++)
    cg_worker_drain(gate->workers[i], polled);
}

static void drain(struct cg_gate *gate) {
  if (gate->drain_until_us) return;
  bool up = gate->n_up == gate->n_workers;
  gate->drain_until_us = mono_us() + gate->conf->drain_s * 1000000;
  atomic_store(&gate->serving, false);
  CG_LOG(gate->log, CG_INFO, "draining");
  cg_timer_stop(&gate->timer);
  if (!up)
    cg_loop_stop(gate->loop);
  else if (gate->reload) /* its end goes on here, but not for ever */
    cg_timer_start(&gate->timer, gate->loop, gate->conf->drain_s * 1000000, stop_now,
                   gate);
  else
    poll_workers(gate);
}

void cg_gate_reload_over(struct cg_gate *gate) {
  if (gate->drain_until_us) poll_workers(gate);
}

static void give_up(struct cg_gate *gate, const struct cg_err *err) {
  CG_LOG(gate->log, CG_ERROR, "cannot start", {"error", err->text});
  fprintf(stderr, "camgate: %s\n", err->text);
  gate->exit_code = CG_EXIT_USAGE;
  cg_loop_stop(gate->loop);
}

/* ---- starting ---- */

static void listening(void *arg) {
  struct cg_worker *w = arg;
  struct cg_gate *gate = w->gate;
  if (w->err.code != CG_OK) {
    give_up(gate, &w->err);
    return;
  }
  gate->port = w->port;
  if (++gate->n_listening < gate->n_workers) {
    gate->workers[gate->n_listening]->port = gate->port;
    cg_worker_listen(gate->workers[gate->n_listening], false, listening);
    return;
  }
  atomic_store(&gate->serving, true);
  CG_LOG(gate->log, CG_INFO, "serving", {"port", NULL, gate->port},
         {"admin_port", NULL, gate->admin_port}, {"workers", NULL, gate->n_workers},
         {"policy_rev", gate->bundle->revision});
}

static void listen_all(void *arg) {
  struct cg_gate *gate = arg;
  if (gate->drain_until_us) return;
  gate->workers[0]->port = (uint16_t)gate->conf->port;
  cg_worker_listen(gate->workers[0], false, listening);
}

static void restore(void *arg);

static void restore_again(void *arg) {
  struct cg_gate *gate = arg;
  if (!gate->drain_until_us)
    CG_CHECK(cg_loop_post(gate->workers[0]->loop, restore, gate->workers[0]));
}

static void wait_and_restore(void *arg) {
  struct cg_gate *gate = arg;
  cg_timer_start(&gate->timer, gate->loop, RETRY_US, restore_again, gate);
}

static void restored(void *arg, const struct cg_err *err, size_t n) {
  struct cg_worker *w = arg;
  if (err) {
    CG_LOG(w->gate->log, CG_ERROR, "cannot take the live leases back yet",
           {"error", err->text});
  } else {
    CG_LOG(w->gate->log, CG_INFO, "live leases are back", {"count", NULL, (int64_t)n});
    record_start(w);
  }
  CG_CHECK(cg_loop_post(w->gate->loop, err ? wait_and_restore : listen_all, w->gate));
}

static void restore(void *arg) {
  struct cg_worker *w = arg;
  cg_restore(&w->service, restored, w);
}

static void admin_listening(void *arg) {
  struct cg_worker *w = arg;
  if (w->err.code != CG_OK) {
    give_up(w->gate, &w->err);
    return;
  }
  w->gate->admin_port = w->port;
  CG_CHECK(cg_loop_post(w->loop, restore, w));
}

static void worker_up(void *arg) {
  struct cg_worker *w = arg;
  struct cg_gate *gate = w->gate;
  if (w->err.code != CG_OK && gate->start_error.code == CG_OK) gate->start_error = w->err;
  if (++gate->n_up < gate->n_workers) return;
  if (gate->start_error.code == CG_OK) gate->watch = cg_watch_new(gate);
  if (gate->start_error.code != CG_OK)
    give_up(gate, &gate->start_error);
  else if (!gate->drain_until_us)
    cg_worker_listen(gate->workers[0], true, admin_listening);
}

/* ---- signals ---- */

static void on_signal(evutil_socket_t number, short what, void *arg) {
  struct cg_gate *gate = arg;
  (void)what;
  if (number == SIGHUP)
    cg_reload_now(gate, "SIGHUP");
  else
    drain(gate);
}

#define SIGNALS 3

static bool watch_signals(struct cg_gate *gate, struct event *events[SIGNALS]) {
  static const int numbers[SIGNALS] = {SIGHUP, SIGTERM, SIGINT};
  struct event_base *base = cg_loop_base(gate->loop);
  for (size_t i = 0; i < SIGNALS; i++) {
    events[i] = evsignal_new(base, numbers[i], on_signal, gate);
    if (!events[i] || event_add(events[i], NULL) != 0) return false;
  }
  return true;
}

/* ---- the process ---- */

static void prepare_process(void) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  struct rlimit files;
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGXFSZ, &ignore, NULL); /* a file too long is an error to answer */
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  tzset();
  json_set_alloc_funcs(cg_alloc, cg_free);
  cg_server_memory();
}

static bool load_plugins(struct cg_gate *gate, struct cg_arena *arena) {
  struct cg_field_errors errs = {.n = 0};
  struct cg_err err = {0};
  gate->plugins = cg_plugins_load(&gate->plugins_env, arena, &errs);
  for (size_t i = 0; i < errs.n && i < CG_FIELD_ERRORS_MAX; i++)
    fprintf(stderr, "%s: %s\n", cg_conf_where(gate->conf, errs.items[i].pointer, arena),
            errs.items[i].text);
  if (gate->plugins && cg_plugins_init(gate->plugins, &err)) return true;
  if (gate->plugins) fprintf(stderr, "camgate: %s\n", err.text);
  return false;
}

static bool make_routers(struct cg_gate *gate, struct cg_err *err) {
  const struct cg_route *public[] = {cg_api_stream_routes, cg_api_question_routes};
  const struct cg_route *admin[] = {cg_api_admin_routes};
  gate->public_router = cg_router_new(public, CG_COUNT(public), err);
  gate->admin_router = cg_router_new(admin, CG_COUNT(admin), err);
  if (!gate->public_router || !gate->admin_router) return false;
  cg_router_set_fallback(gate->public_router, cg_api_plugin_route);
  return true;
}

static bool start_workers(struct cg_gate *gate, struct cg_err *err) {
  gate->peers = cg_alloc(gate->n_workers * sizeof(void *));
  gate->workers = cg_alloc(gate->n_workers * sizeof(void *));
  if (!gate->peers || !gate->workers)
    return cg_fail(err, CG_E_MEMORY, "no memory for the workers");
  for (uint32_t i = 0; i < gate->n_workers; i++) {
    if (!(gate->workers[i] = cg_worker_new(gate, i, err))) return false;
    gate->peers[i] = &gate->workers[i]->service;
  }
  for (uint32_t i = 0; i < gate->n_workers; i++)
    if (!cg_worker_start(gate->workers[i], worker_up, err)) return false;
  return true;
}

static void free_gate(struct cg_gate *gate) {
  cg_watch_free(gate->watch);
  cg_timer_stop(&gate->timer);
  for (uint32_t i = 0; gate->workers && i < gate->n_workers; i++)
    cg_worker_free(gate->workers[i]);
  cg_free(gate->workers);
  cg_free(gate->peers);
  cg_plugins_free(gate->plugins);
  cg_router_free(gate->public_router);
  cg_router_free(gate->admin_router);
  cg_bundle_unref(gate->bundle);
  cg_credentials_free(&gate->credentials);
  cg_loop_free(gate->loop);
  cg_metrics_free(gate->metrics);
  cg_log_free(gate->log);
}

static enum cg_level level_of(const char *name) {
  static const char *const names[] = {"debug", "info", "warn", "error"};
  for (size_t i = 0; i < CG_COUNT(names); i++)
    if (strcmp(names[i], name) == 0) return (enum cg_level)i;
  return CG_INFO;
}

static bool make_gate(struct cg_gate *gate, struct cg_arena *arena, struct cg_err *err) {
  const struct cg_conf *conf = gate->conf;
  gate->n_workers = (uint32_t)conf->workers;
  gate->started_us = cg_clock_system.wall_us(&cg_clock_system);
  gate->log = cg_log_new(STDERR_FILENO, level_of(conf->log_level), &cg_clock_system);
  gate->metrics = cg_metrics_new(gate->n_workers);
  if (!gate->log || !gate->metrics)
    return cg_fail(err, CG_E_MEMORY, "no memory to start");
  if (conf->auth.secret) cg_log_secret(gate->log, conf->auth.secret);
  gate->lease_metrics = cg_lease_metrics_register(gate->metrics);
  if (!cg_http_metrics_register(gate->metrics, &gate->http_metrics))
    return cg_fail(err, CG_E_INTERNAL, "metrics cannot be registered");
  gate->plugins_env = (struct cg_plugins_env){.dir = conf->plugin_dir,
                                              .options = conf->plugin_options,
                                              .conf_dir = conf->dir,
                                              .state_dir = conf->state_dir,
                                              .node = conf->node,
                                              .log = gate->log,
                                              .metrics = gate->metrics,
                                              .clock = &cg_clock_system,
                                              .n_workers = gate->n_workers};
  const char *option;
  gate->bundle = cg_bundle_read(conf->policies, err);
  bool read = gate->bundle && cg_credentials_read(&conf->tls, conf->jwks_file,
                                                  &gate->credentials, &option, err);
  gate->loop = read ? cg_loop_new(err) : NULL;
  if (!gate->loop || !make_routers(gate, err)) return false;
  return load_plugins(gate, arena) || cg_fail(err, CG_E_INVALID, "plugins were refused");
}

static void run(struct cg_gate *gate, struct cg_arena *arena) {
  struct cg_err err = {0};
  struct event *events[SIGNALS] = {NULL};
  if (!make_gate(gate, arena, &err) || !watch_signals(gate, events) ||
      !start_workers(gate, &err)) {
    fprintf(stderr, "camgate: %s\n", err.text);
    gate->exit_code = CG_EXIT_USAGE;
  } else {
    if (gate->conf->dev_secret)
      CG_LOG(
          gate->log, CG_WARN,
          "no JWT key is configured: using the development secret in the state folder");
    cg_loop_run(gate->loop);
  }
  for (size_t i = 0; i < SIGNALS; i++)
    if (events[i]) event_free(events[i]);
}

int cg_cmd_run(const struct cg_cmd_env *env, int argc, char **argv) {
  const struct cg_cmd_opt none[] = {{0}};
  int usage = cg_cmd_opts("run", none, argc, argv);
  if (usage != CG_CMD_GO) return usage;
  prepare_process();
  struct cg_conf *conf = cg_cmd_conf(env, CG_CONF_OWN);
  struct cg_arena *arena = cg_arena_new(NULL, 1024 * 1024);
  struct cg_gate *gate = cg_alloc(sizeof *gate);
  if (!conf || !arena || !gate) {
    cg_conf_free(conf);
    cg_arena_free(arena, NULL);
    cg_free(gate);
    return CG_EXIT_USAGE;
  }
  gate->conf = conf;
  run(gate, arena);
  int code = gate->exit_code;
  free_gate(gate);
  cg_free(gate);
  cg_arena_free(arena, NULL);
  cg_conf_free(conf);
  return code;
}
