/* The configured policies, compiled without a gate. */
#include <string.h>

#include "cli/offline.h"

static const struct cg_offline_usages nothing;

static void usage(void *ctx, const char *scope,
                  void (*done)(void *arg, bool ok, uint64_t in_use, const char *text),
                  void *arg) {
  const struct cg_offline_usages *u = ctx ? ctx : &nothing;
  uint64_t in_use = 0;
  for (size_t i = 0; i < u->n; i++)
    if (strcmp(u->items[i].scope, scope) == 0) in_use = u->items[i].in_use;
  done(arg, true, in_use, "");
}

/* The zones that it decides in; NULL: problems has what is wrong with them. */
static const struct cg_zones *read_zones(const struct cg_conf *conf,
                                         struct cg_conf_problems *problems) {
  struct cg_field_errors errs = {.n = 0};
  const struct cg_zones *zones = cg_zone_files_read(&conf->zones, conf->arena, &errs);
  cg_conf_tell(conf, &errs, problems);
  return zones;
}

static void tell_folder(const struct cg_conf *conf, const struct cg_err *err,
                        struct cg_conf_problems *problems) {
  struct cg_field_errors errs = {.n = 0};
  cg_field_error(&errs, conf->arena, "/policies/dir", "%s", err->text);
  cg_conf_tell(conf, &errs, problems);
}

static void tell_files(const struct cg_conf *conf, const struct cg_field_errors *errs,
                       struct cg_conf_problems *problems) {
  for (size_t i = 0; i < errs->n && i < CG_FIELD_ERRORS_MAX; i++) {
    const struct cg_field_error *e = &errs->items[i];
    const char *where = cg_arena_printf(conf->arena, "%s/%s", conf->policies, e->pointer);
    cg_conf_add(problems, where ? where : e->pointer, e->text);
  }
}

struct cg_policy *cg_offline_policy(const struct cg_conf *conf,
                                    const struct cg_offline_usages *usages,
                                    struct cg_log *log,
                                    struct cg_conf_problems *problems) {
  struct cg_field_errors errs = {.n = 0};
  struct cg_err err = {0};
  union {
    const void *in;
    void *ctx; /* the callback's, which reads only */
  } of = {usages};
  const struct cg_zones *zones = read_zones(conf, problems);
  const struct cg_policy_env env = {.tiers = &conf->lease.tiers,
                                    .zones = zones,
                                    .limits = conf->limits,
                                    .log = log,
                                    .usage = usage,
                                    .ctx = of.ctx};
  const struct cg_bundle *bundle = cg_bundle_read_some(conf->policies, &err);
  if (!bundle) {
    tell_folder(conf, &err, problems);
    cg_zones_unref(zones);
    return NULL;
  }
  struct cg_policy *policy = cg_policy_new(bundle, &env, conf->arena, &errs);
  tell_files(conf, &errs, problems);
  cg_bundle_unref(bundle);
  cg_zones_unref(zones);
  if (zones) return policy;
  cg_policy_unref(policy);
  return NULL;
}
