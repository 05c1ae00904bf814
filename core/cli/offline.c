#include "cli/offline.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "plugin/health.h"

#define TURN_US     1000
#define PATIENCE_MS 3600000 /* nobody else waits: a trail of years may be verified */
#define CHECK_MS    2000
#define ARENA_BYTES ((size_t)1 << 20)

static bool prepare(struct cg_offline *o, const struct cg_conf *conf,
                    struct cg_err *err) {
  *o = (struct cg_offline){.conf = conf};
  o->log = cg_log_new(STDERR_FILENO, CG_ERROR, &cg_clock_system);
  o->metrics = cg_metrics_new(1);
  if (!o->log || !o->metrics) return cg_fail(err, CG_E_MEMORY, "out of memory");
  o->env = (struct cg_plugins_env){.dir = conf->plugin_dir,
                                   .conf_dir = conf->dir,
                                   .state_dir = conf->state_dir,
                                   .node = conf->node,
                                   .log = o->log,
                                   .metrics = o->metrics,
                                   .clock = &cg_clock_system,
                                   .n_workers = 1,
                                   .partial = true};
  return true;
}

static bool serves(const struct cgp_plugin *abi, enum cg_offline_kind kind) {
  return kind == CG_OFFLINE_AUDIT ? abi->audit != NULL : abi->cameras != NULL;
}

static const struct cgp_plugin *opened(const struct cg_conf *conf, const char *name,
                                       struct cg_err *err) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s.so", conf->plugin_dir, name);
  return cg_plugin_open(path, err);
}

static void make_read_only(const struct cgp_plugin *abi, json_t *options) {
  for (size_t i = 0; i < abi->n_options; i++) {
    const struct cgp_option *o = CGP_AT(abi->options, i);
    if (strcmp(o->name, "read_only") || o->type != CGP_OPT_BOOL) continue;
    const json_t *given = json_object_get(options, "read_only");
    if (!given || json_is_boolean(given)) /* else it is refused */
      json_object_set_new(options, "read_only", json_true());
  }
}

/* {"NAME": {options}} of the one that serves the kind; a new reference. */
static json_t *options_of(const struct cg_conf *conf, enum cg_offline_kind kind,
                          struct cg_err *err) {
  for (size_t i = 0; i < conf->plugin_names.n; i++) {
    const char *name = conf->plugin_names.items[i];
    const struct cgp_plugin *abi = opened(conf, name, err);
    if (!abi) return NULL;
    if (!serves(abi, kind)) continue;
    json_t *own = json_deep_copy(json_object_get(conf->plugin_options, name));
    if (kind == CG_OFFLINE_AUDIT) make_read_only(abi, own);
    json_t *all = json_object();
    json_object_set_new(all, name, own);
    return all;
  }
  cg_fail(err, CG_E_INVALID, "no plugin of the configuration serves this");
  return NULL;
}

static bool load(struct cg_offline *o, struct cg_err *err) {
  struct cg_field_errors errs = {.n = 0};
  struct cg_arena *arena = cg_arena_new(NULL, ARENA_BYTES);
  CG_CHECK(arena);
  o->set = cg_plugins_load(&o->env, arena, &errs);
  bool ok = o->set && cg_plugins_init(o->set, arena, &errs);
  if (!ok)
    cg_fail(err, CG_E_INVALID, "%s: %s",
            cg_conf_where(o->conf, errs.items[0].pointer, arena), errs.items[0].text);
  cg_arena_free(arena, NULL);
  return ok;
}

static bool start(struct cg_offline *o, uint32_t patience_ms, struct cg_err *err) {
  const uint32_t ms = patience_ms;
  o->loop = cg_loop_new(err);
  if (!o->loop) return false;
  const struct cg_drivers_env env = {
      .set = o->set,
      .loop = o->loop,
      .base = &o->env,
      .deadlines = {ms, ms, ms, ms, ms, ms},
  };
  o->drivers = cg_drivers_start(&env, err);
  return o->drivers;
}

bool cg_offline_open(struct cg_offline *o, const struct cg_conf *conf,
                     enum cg_offline_kind kind, struct cg_err *err) {
  if (!prepare(o, conf, err)) return false;
  json_t *options = options_of(conf, kind, err);
  o->env.options = options;
  bool ok = options && load(o, err) && start(o, PATIENCE_MS, err);
  o->env.options = NULL;
  json_decref(options);
  return ok;
}

void cg_offline_close(struct cg_offline *o) {
  cg_drivers_free(o->drivers);
  cg_loop_free(o->loop);
  cg_plugins_free(o->set);
  cg_metrics_free(o->metrics);
  cg_log_free(o->log);
}

static void turn(void *arg) {
  cg_loop_stop(arg);
}

void cg_offline_wait(struct cg_offline *o, const bool *done) {
  struct cg_timer timer = {0};
  while (!*done) {
    cg_timer_start(&timer, o->loop, TURN_US, turn, o->loop);
    cg_loop_run(o->loop);
  }
  cg_timer_stop(&timer);
}

/* ---- check ---- */

struct asking {
  const struct cg_offline *o;
  struct cg_arena *arena;
  struct cg_field_errors *warnings;
  struct cg_software *software;
  bool all;
};

static void one_answered(void *arg, size_t nth, const struct cgp_health *health) {
  struct asking *a = arg;
  const struct cg_plugin *p = &a->o->set->items[nth];
  if (!health->ok)
    cg_field_error(a->warnings, a->arena,
                   cg_arena_printf(a->arena, "/plugins/%s", p->name), "%s", health->text);
  if (health->server && health->server_version)
    cg_software_add(a->software, health->server, health->server_version, p->name);
}

static void all_answered(void *arg) {
  ((struct asking *)arg)->all = true;
}

static void ask_all(struct cg_offline *o, struct asking *a) {
  struct cg_health_round round = {.drivers = o->drivers,
                                  .n = o->set->n,
                                  .each = one_answered,
                                  .over = all_answered,
                                  .arg = a};
  cg_health_ask(&round);
  cg_offline_wait(o, &a->all);
  cg_offline_sites(o, a->arena, a->warnings);
}

/* A gate that only asks would answer everybody with 503. */
static void refuse_read_only(const struct cg_conf *conf, struct cg_arena *arena,
                             struct cg_field_errors *errs) {
  const char *name;
  json_t *given;
  json_object_foreach(conf->plugin_options, name, given) {
    const char *at = cg_arena_printf(arena, "/plugins/%s/read_only", name);
    if (json_is_true(json_object_get(given, "read_only")))
      cg_field_error(errs, arena, at ? at : "/plugins",
                     "is for commands that only ask: a gate has to write");
  }
}

/* Whoever has the option read_only and no `check` only asks. */
static json_t *looking(const struct cg_conf *conf) {
  json_t *all = json_deep_copy(conf->plugin_options);
  struct cg_err err;
  CG_CHECK(all);
  for (size_t i = 0; i < conf->plugin_names.n; i++) {
    const char *name = conf->plugin_names.items[i];
    const struct cgp_plugin *abi = opened(conf, name, &err);
    if (abi && !cg_plugin_checks(abi)) make_read_only(abi, json_object_get(all, name));
  }
  return all;
}

void cg_offline_look(struct cg_offline *o, const struct cg_conf *conf,
                     struct cg_arena *arena, struct cg_field_errors *errs) {
  struct cg_err err;
  CG_CHECK(prepare(o, conf, &err));
  json_t *options = looking(conf);
  o->env.options = options;
  o->env.partial = false;
  o->env.looking = true;
  o->set = cg_plugins_load(&o->env, arena, errs);
  o->env.options = NULL;
  json_decref(options);
  refuse_read_only(conf, arena, errs);
}

void cg_offline_libraries(const struct cg_conf *conf, const char *plugin,
                          struct cg_software *software) {
  struct cg_err err;
  const struct cgp_plugin *abi = opened(conf, plugin, &err);
  if (abi) cg_software_plugin(software, abi);
}

void cg_offline_ask(struct cg_offline *o, struct cg_arena *arena,
                    struct cg_field_errors *errs, struct cg_field_errors *warnings,
                    struct cg_software *software) {
  struct asking asking = {.o = o, arena, warnings, software};
  struct cg_err err;
  if (start(o, CHECK_MS, &err))
    ask_all(o, &asking);
  else
    cg_field_error(errs, arena, "/plugins", "%s", err.text);
}
