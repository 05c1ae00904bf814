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
  cg_conf_tell(conf, &errs, conf->arena, problems);
  return zones;
}

static void add(struct cg_conf_problems *all, const struct cg_conf *conf,
                const char *file, const char *text) {
  if (all->n == CG_FIELD_ERRORS_MAX) return;
  const char *where =
      cg_arena_printf(conf->arena, "%s%s%s", conf->policies, *file ? "/" : "", file);
  const char *words = cg_arena_strdup(conf->arena, text);
  CG_CHECK(where && words);
  all->items[all->n++] = (struct cg_conf_problem){where, words};
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
  const struct cg_bundle *bundle = cg_bundle_read(conf->policies, &err);
  if (!bundle) {
    add(problems, conf, "", err.text);
    cg_zones_unref(zones);
    return NULL;
  }
  struct cg_policy *policy = cg_policy_new(bundle, &env, conf->arena, &errs);
  for (size_t i = 0; i < errs.n && i < CG_FIELD_ERRORS_MAX; i++)
    add(problems, conf, errs.items[i].pointer, errs.items[i].text);
  cg_bundle_unref(bundle);
  cg_zones_unref(zones);
  if (zones) return policy;
  cg_policy_unref(policy);
  return NULL;
}
