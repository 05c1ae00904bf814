/* plugin ls, plugin check: what is there, and would the gate load it? */
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_opts.h"

#define OUT_MAX ((size_t)1 << 20)

static void kinds_of(const struct cgp_plugin *abi, char *out, size_t n) {
  const struct {
    const char *name;
    bool has;
  } kinds[] = {{"cameras", abi->cameras}, {"quota", abi->quota}, {"room", abi->room},
               {"ice", abi->ice},         {"audit", abi->audit}, {"http", abi->n_routes}};
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < CG_COUNT(kinds) && at < n; i++)
    if (kinds[i].has)
      at += (size_t)snprintf(out + at, n - at, "%s%s", at ? " " : "", kinds[i].name);
}

static const char *const types[] = {"string", "secret", "int", "bool", "url", "path"};

static void options_json(struct cg_buf *out, const struct cgp_plugin *abi) {
  cg_json_open(out, "options", '[');
  for (size_t i = 0; i < abi->n_options; i++) {
    const struct cgp_option *o = CGP_AT(abi->options, i);
    cg_json_open(out, NULL, '{');
    cg_json_str(out, "name", o->name);
    cg_json_str(out, "type", types[o->type]);
    if (o->type == CGP_OPT_INT) {
      cg_json_int(out, "min", o->min);
      cg_json_int(out, "max", o->max);
    }
    cg_json_str(out, "default", o->def);
    cg_json_str(out, "help", o->help);
    cg_json_close(out, '}');
  }
  cg_json_close(out, ']');
}

static void libraries_json(struct cg_buf *out, const struct cgp_plugin *abi) {
  cg_json_open(out, "libraries", '{');
  for (size_t i = 0; i < abi->n_libraries; i++) {
    const struct cgp_library *l = CGP_AT(abi->libraries, i);
    cg_json_name(out, l->name);
    cg_json_str(out, NULL, l->version());
  }
  cg_json_close(out, '}');
}

static void tell_json(struct cg_buf *out, const char *file, const struct cgp_plugin *abi,
                      bool used, const char *why) {
  char kinds[64] = "";
  if (abi) kinds_of(abi, kinds, sizeof kinds);
  cg_json_open(out, NULL, '{');
  cg_json_str(out, "file", file);
  cg_json_bool(out, "ok", abi != NULL);
  cg_json_bool(out, "configured", used);
  cg_json_str(out, "name", abi ? abi->name : NULL);
  cg_json_str(out, "version", abi ? abi->version : NULL);
  cg_json_str(out, "kinds", abi ? kinds : NULL);
  cg_json_str(out, "summary", abi ? abi->summary : NULL);
  cg_json_str(out, "refused", abi ? NULL : why);
  if (abi) options_json(out, abi);
  if (abi) libraries_json(out, abi);
  cg_json_close(out, '}');
}

static void tell_row(const char *file, const struct cgp_plugin *abi, bool used,
                     const char *why) {
  char kinds[64];
  if (!abi) { /* why names the file, or its folder */
    bool named = strstr(why, file);
    printf("! %s%s%s\n", named ? "" : file, named ? "" : ": ", why);
    return;
  }
  kinds_of(abi, kinds, sizeof kinds);
  cg_cmd_cell(used ? "*" : " ", 2);
  cg_cmd_cell(abi->name, 18);
  cg_cmd_cell(abi->version, 9);
  cg_cmd_cell(kinds, 13);
  cg_cmd_cell(abi->summary, 0);
  putchar('\n');
}

static bool configured(const struct cg_conf *conf, const char *file) {
  for (size_t i = 0; i < conf->plugin_names.n; i++) {
    const char *name = conf->plugin_names.items[i];
    size_t n = strlen(name);
    if (strncmp(name, file, n) == 0 && strcmp(file + n, ".so") == 0) return true;
  }
  return false;
}

static void list_one(const struct cg_conf *conf, const char *path, struct cg_buf *out) {
  const char *file = strrchr(path, '/') + 1;
  struct cg_err err = {0};
  const struct cgp_plugin *abi = cg_plugin_open(path, &err);
  if (out)
    tell_json(out, file, abi, configured(conf, file), err.text);
  else
    tell_row(file, abi, configured(conf, file), err.text);
}

static int list(const struct cg_cmd_env *env, const struct cg_conf *conf) {
  char pattern[PATH_MAX];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/*.so", conf->plugin_dir);
  if (glob(pattern, 0, NULL, &found) != 0) {
    fprintf(stderr, "camgate plugin ls: no plugins in %s\n", conf->plugin_dir);
    return CG_EXIT_USAGE;
  }
  struct cg_buf out;
  cg_buf_init(&out, OUT_MAX);
  cg_json_open(&out, NULL, '[');
  if (!env->json) puts("  plugin            version  kinds        what it does");
  for (size_t i = 0; i < found.gl_pathc; i++)
    list_one(conf, found.gl_pathv[i], env->json ? &out : NULL);
  globfree(&found);
  cg_json_close(&out, ']');
  if (env->json)
    puts(cg_buf_text(&out));
  else
    printf("\n* in the configuration; all of %s\n"
           "  `camgate plugin check FILE` prints the options of one\n",
           conf->plugin_dir);
  cg_buf_done(&out);
  return CG_EXIT_OK;
}

int cg_cmd_plugin_ls(const struct cg_cmd_env *env, int argc, char **argv) {
  const struct cg_cmd_opt none[] = {{0}};
  int code = cg_cmd_opts("plugin ls", none, argc, argv);
  if (code != CG_CMD_GO) return code;
  struct cg_conf *conf = cg_cmd_conf(env, CG_CONF_LOOK);
  if (!conf) return CG_EXIT_USAGE;
  code = list(env, conf);
  cg_conf_free(conf);
  return code;
}

static void tell_options(const struct cgp_plugin *abi) {
  for (size_t i = 0; i < abi->n_options; i++) {
    const struct cgp_option *o = CGP_AT(abi->options, i);
    printf("  ");
    cg_cmd_cell(o->name, 18);
    cg_cmd_cell(types[o->type], 8);
    cg_cmd_cell(o->def && *o->def ? o->def : "-", 20);
    puts(o->help);
  }
}

int cg_cmd_plugin_check(const struct cg_cmd_env *env, int argc, char **argv) {
  const char *file = NULL;
  const struct cg_cmd_opt opts[] = {{"FILE", CG_OPT_TEXT, &file, "The shared object."},
                                    {0}};
  int code = cg_cmd_opts("plugin check", opts, argc, argv);
  if (code != CG_CMD_GO) return code;
  struct cg_err err = {0};
  const struct cgp_plugin *abi = cg_plugin_open(file, &err);
  if (env->json) {
    struct cg_buf out;
    cg_buf_init(&out, OUT_MAX);
    tell_json(&out, file, abi, false, err.text);
    puts(cg_buf_text(&out));
    cg_buf_done(&out);
  } else {
    tell_row(file, abi, false, err.text);
    if (abi) tell_options(abi);
  }
  return abi ? CG_EXIT_OK : CG_EXIT_FINDING;
}
