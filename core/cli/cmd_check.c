/* `camgate check`: what a start would refuse, and what it would live with. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/cmd_opts.h"
#include "cli/known_bad.h"
#include "cli/preflight.h"

#define OUT_MAX ((size_t)1 << 20)

struct findings {
  struct cg_preflight start;
  struct cg_software software;
};

static void list_json(struct cg_buf *out, const char *name,
                      const struct cg_conf_problems *list) {
  cg_json_open(out, name, '[');
  for (size_t i = 0; i < list->n; i++) {
    cg_json_open(out, NULL, '{');
    cg_json_str(out, "where", list->items[i].where);
    cg_json_str(out, "text", list->items[i].text);
    cg_json_close(out, '}');
  }
  cg_json_close(out, ']');
}

static void tell_json(const struct findings *f) {
  struct cg_buf out;
  cg_buf_init(&out, OUT_MAX);
  cg_json_open(&out, NULL, '{');
  cg_json_bool(&out, "ok", f->start.problems.n == 0);
  list_json(&out, "problems", &f->start.problems);
  list_json(&out, "warnings", &f->start.warnings);
  if (f->start.zones)
    cg_zones_json(&out, f->start.zones, cg_clock_system.wall_us(&cg_clock_system));
  cg_software_json(&f->software, &out);
  cg_json_close(&out, '}');
  puts(cg_buf_text(&out));
  cg_buf_done(&out);
}

static void list(const struct cg_strings *items) {
  for (size_t i = 0; i < items->n; i++) printf("%s%s", i ? ", " : "", items->items[i]);
}

static void tell_zones(const struct cg_zones *z) {
  struct cg_local now;
  char text[CG_LOCAL_TEXT];
  cg_zone_local(z->gate, cg_clock_system.wall_us(&cg_clock_system) / 1000000, &now);
  cg_local_text(&now, text);
  printf("  time zone  %s (%s), now %s\n", z->gate->name, z->from, text);
  for (size_t i = 0; i < z->n_sites; i++)
    printf("             %s: %s\n", z->sites[i].site, z->sites[i].zone->name);
}

static void summary(const struct cg_conf *c, const struct cg_zones *zones,
                    const struct cg_software *software) {
  printf("%s is in order\n", c->shown);
  printf("  listens    ");
  list(&c->listen_addresses);
  printf(" port %d%s, %d workers; admin ", (int)c->port, c->tls.cert ? " with TLS" : "",
         (int)c->workers);
  list(&c->admin_addresses);
  printf(" port %d\n", (int)c->admin_port);
  printf("  state      %s\n", c->state_dir);
  printf("  policies   %s\n", c->policies);
  tell_zones(zones);
  printf("  plugins   ");
  for (size_t i = 0; i < c->plugin_names.n; i++) printf(" %s", c->plugin_names.items[i]);
  printf("\n  tokens     %s\n", c->dev_secret            ? "development secret"
                                : c->jwks.url            ? c->jwks.url
                                : c->jwks_file           ? c->jwks_file
                                : c->auth.public_key_pem ? "public key"
                                                         : "configured secret");
  printf("  runs with ");
  for (size_t i = 0; i < software->n; i++)
    printf("%s %s %s", i ? "," : "", software->items[i].name, software->items[i].version);
  putchar('\n');
}

static void tell_table(const struct cg_conf *conf, const struct findings *f) {
  const struct cg_conf_problems *warnings = &f->start.warnings;
  if (!f->start.problems.n) summary(conf, f->start.zones, &f->software);
  for (size_t i = 0; i < warnings->n; i++)
    printf("warning: %s: %s\n", warnings->items[i].where, warnings->items[i].text);
  cg_software_print(&f->software, false);
}

static int tell(const struct cg_cmd_env *env, const struct cg_conf *conf,
                const struct findings *f) {
  cg_cmd_problems(&f->start.problems);
  if (env->json)
    tell_json(f);
  else
    tell_table(conf, f);
  return f->start.problems.n ? CG_EXIT_USAGE : CG_EXIT_OK;
}

/* The libraries that run here. */
static void list_libraries(const struct cg_conf *conf, struct cg_software *software) {
  software->arena = conf->arena;
  cg_software_own(software);
  for (size_t i = 0; i < conf->plugin_names.n; i++)
    cg_offline_libraries(conf, conf->plugin_names.items[i], software);
}

/* How those are that would be started, and what all of it runs with. */
static void ask(const struct cg_conf *conf, struct findings *f) {
  struct cg_field_errors errs = {.n = 0}, warnings = {.n = 0};
  list_libraries(conf, &f->software);
  cg_offline_ask(&f->start.plugins, conf->arena, &errs, &warnings, &f->software);
  cg_software_packages(&f->software);
  cg_conf_tell(conf, &errs, &f->start.problems);
  cg_conf_tell(conf, &warnings, &f->start.warnings);
}

/* ---- tables ---- */

static int describe(const struct cg_cmd_env *env) {
  struct cg_buf out;
  cg_buf_init(&out, OUT_MAX);
  if (env->json)
    cg_conf_describe_json(&out);
  else
    cg_conf_describe(&out);
  fputs(cg_buf_text(&out), stdout);
  cg_buf_done(&out);
  return CG_EXIT_OK;
}

static void known_json(void) {
  struct cg_buf out;
  cg_buf_init(&out, OUT_MAX);
  cg_json_open(&out, NULL, '[');
  for (size_t i = 0; i < cg_known_bad_count; i++) {
    const struct cg_known_bad *k = &cg_known_bad[i];
    cg_json_open(&out, NULL, '{');
    cg_json_str(&out, "name", k->component);
    cg_json_str(&out, "since", k->since);
    cg_json_str(&out, "mended", k->mended);
    cg_json_str(&out, "mended_debian", k->debian);
    cg_json_str(&out, "text", k->what);
    cg_json_str(&out, "source", k->source);
    cg_json_str(&out, "advice", k->ours);
    cg_json_bool(&out, "harmless", k->harmless);
    cg_json_close(&out, '}');
  }
  cg_json_close(&out, ']');
  puts(cg_buf_text(&out));
  cg_buf_done(&out);
}

/* Those of the table that hold for what runs here, harmless or not. */
static void known_here(const struct cg_cmd_env *env) {
  struct cg_software software = {.n = 0};
  struct cg_conf *conf = cg_cmd_conf_read(env);
  if (!conf) return;
  list_libraries(conf, &software);
  cg_software_packages(&software);
  cg_software_print(&software, true);
  cg_conf_free(conf);
}

static int known(const struct cg_cmd_env *env) {
  if (env->json) {
    known_json();
    return CG_EXIT_OK;
  }
  for (size_t i = 0; i < cg_known_bad_count; i++) {
    const struct cg_known_bad *k = &cg_known_bad[i];
    printf("%s", k->component);
    if (*k->since) printf(" from %s", k->since);
    printf(*k->mended ? ", mended in %s" : ", not mended yet%s", k->mended);
    if (k->debian) printf(", Debian %s", k->debian);
    printf("\n    %s [%s]\n    %s\n", k->what, k->source, k->ours);
  }
  known_here(env);
  return CG_EXIT_OK;
}

int cg_cmd_check(const struct cg_cmd_env *env, int argc, char **argv) {
  bool options = false, known_bad = false;
  const struct cg_cmd_opt opts[] = {
      {"--options", CG_OPT_FLAG, &options, "Print every option with range and default."},
      {"--known-bad", CG_OPT_FLAG, &known_bad,
       "Print the versions known to be bad, and those here."},
      {0}};
  int code = cg_cmd_opts("check", opts, argc, argv);
  if (code != CG_CMD_GO) return code;
  if (options) return describe(env);
  if (known_bad) return known(env);
  struct cg_conf *conf = cg_cmd_conf_read(env);
  struct findings *f = cg_alloc(sizeof *f);
  code = CG_EXIT_USAGE;
  if (conf && f) {
    cg_preflight(conf, CG_PREFLIGHT_CHECK, &f->start);
    if (!f->start.problems.n) ask(conf, f);
    code = tell(env, conf, f);
    cg_preflight_done(&f->start);
  } else if (f && env->json) {
    cg_conf_add(&f->start.problems, "camgate", "no configuration");
    tell_json(f);
  }
  cg_conf_free(conf);
  cg_free(f);
  return code;
}
