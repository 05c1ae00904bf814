#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd.h"
#include "app/cmd_opts.h"
#include "app/offline.h"
#include "base/buf.h"

#define OUT_MAX ((size_t)1 << 20)

static void add_all(struct cg_conf_problems *all, const struct cg_conf_problems *some) {
  for (size_t i = 0; i < some->n && all->n < CG_FIELD_ERRORS_MAX; i++)
    all->items[all->n++] = some->items[i];
}

static int tell(const struct cg_cmd_env *env, const struct cg_conf_problems *all) {
  struct cg_buf out;
  cg_buf_init(&out, OUT_MAX);
  cg_json_open(&out, NULL, '{');
  cg_json_bool(&out, "ok", false);
  cg_json_open(&out, "problems", '[');
  for (size_t i = 0; i < all->n; i++) {
    const struct cg_conf_problem *p = &all->items[i];
    fprintf(stderr, "%s: %s\n", p->where, p->text);
    cg_json_open(&out, NULL, '{');
    cg_json_str(&out, "where", p->where);
    cg_json_str(&out, "text", p->text);
    cg_json_close(&out, '}');
  }
  cg_json_close(&out, ']');
  cg_json_close(&out, '}');
  if (env->json) puts(cg_buf_text(&out));
  cg_buf_done(&out);
  return CG_EXIT_USAGE;
}

static int summary(const struct cg_cmd_env *env, const struct cg_conf *c) {
  if (env->json) {
    puts("{\"ok\":true}");
    return CG_EXIT_OK;
  }
  printf("%s is in order\n", c->shown);
  printf("  listens    %s:%d, admin %s:%d, %d workers\n", c->listen_address, (int)c->port,
         c->admin_address, (int)c->admin_port, (int)c->workers);
  printf("  state      %s\n", c->state_dir);
  printf("  policies   %s\n", c->policies);
  printf("  plugins   ");
  for (size_t i = 0; i < c->plugin_names.n; i++) printf(" %s", c->plugin_names.items[i]);
  printf("\n  tokens     %s\n", c->dev_secret            ? "development secret"
                                : c->auth.public_key_pem ? "public key"
                                                         : "configured secret");
  return CG_EXIT_OK;
}

static int describe(void) {
  struct cg_buf out;
  cg_buf_init(&out, OUT_MAX);
  cg_conf_describe(&out);
  fputs(cg_buf_text(&out), stdout);
  cg_buf_done(&out);
  return CG_EXIT_OK;
}

static int check(const struct cg_cmd_env *env, const struct cg_conf *conf) {
  struct cg_conf_problems all = {.n = 0}, some = {.n = 0};
  struct cg_field_errors errs = {.n = 0};
  cg_offline_check(conf, conf->arena, &errs);
  cg_conf_tell(conf, &errs, conf->arena, &all);
  cg_policy_unref(cg_offline_policy(conf, NULL, NULL, &some));
  add_all(&all, &some);
  return all.n ? tell(env, &all) : summary(env, conf);
}

int cg_cmd_check(const struct cg_cmd_env *env, int argc, char **argv) {
  bool options = false;
  const struct cg_cmd_opt opts[] = {
      {"--options", CG_OPT_FLAG, &options, "Print every option with range and default."},
      {0}};
  int code = cg_cmd_opts("check", opts, argc, argv);
  if (code != CG_CMD_GO) return code;
  if (options) return describe();
  struct cg_conf_problems problems = {.n = 0};
  struct cg_arena *arena;
  struct cg_conf *conf = cg_cmd_conf_read(env, &arena, &problems);
  code = conf ? check(env, conf) : tell(env, &problems);
  if (conf)
    cg_conf_free(conf);
  else
    cg_arena_free(arena, NULL);
  return code;
}
