#include <stdio.h>
#include <string.h>

#include "app/cmd.h"
#include "app/cmd_opts.h"

struct command {
  const char *group, *name; /* group "": none */
  cg_cmd_fn *fn;
  const char *help;
};

static const struct command commands[] = {
    {"", "run", cg_cmd_run, "Serve."},
    {"", "check", cg_cmd_check, "Say all that a start would refuse."},
    {"", "token", cg_cmd_token, "Mint a user token with the configured secret."},
    {"policy", "eval", cg_cmd_policy_eval, "Ask the policies, without a gate."},
    {"audit", "query", cg_cmd_audit_query, "Read the trail, beside a running gate too."},
    {"audit", "verify", cg_cmd_audit_verify, "Recompute the trail's chain."},
    {"audit", "export", cg_cmd_audit_export, "The trail as CSV or JSON lines."},
    {"lease", "ls", cg_cmd_lease_ls, "Live leases of the running gate."},
    {"lease", "show", cg_cmd_lease_show, "One of them."},
    {"lease", "end", cg_cmd_lease_end, "End one: revoked."},
    {"plugin", "ls", cg_cmd_plugin_ls, "Plugins that are there."},
    {"plugin", "check", cg_cmd_plugin_check, "Would the gate load this file?"},
    {"", "version", cg_cmd_version, "Version."},
};

static int help(FILE *to, int code) {
  fputs("camgate - admission gate for live camera streams\n\n", to);
  for (size_t i = 0; i < CG_COUNT(commands); i++) {
    const struct command *c = &commands[i];
    char words[32];
    snprintf(words, sizeof words, "%s%s%s", c->group, *c->group ? " " : "", c->name);
    fprintf(to, "  camgate %-14s %s\n", words, c->help);
  }
  fputs("\n  -c FILE              the configuration; etc/camgate.lua, else the prefix's\n"
        "  --format table|json  how results are written\n"
        "  --help               also after a command\n\n"
        "exit: 0 done; 1 a finding, a denial; 2 usage or configuration\n",
        to);
  return code;
}

/* Takes -c FILE and --format table|json out of argv, wherever they stand.  Other formats
 * are the command's own. */
static bool take_env(struct cg_cmd_env *env, int *argc, char **argv) {
  int kept = 1;
  for (int i = 1; i < *argc; i++) {
    const char *value = i + 1 < *argc ? argv[i + 1] : NULL;
    bool conf = !strcmp(argv[i], "-c") || !strcmp(argv[i], "--config");
    bool table = value && !strcmp(value, "table"), json = value && !strcmp(value, "json");
    if (conf && !value) return false;
    if (conf) {
      env->conf_path = value;
      i++;
    } else if (!strcmp(argv[i], "--format") && (table || json)) {
      env->json = json;
      i++;
    } else {
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
  return true;
}

static const struct command *find(int argc, char **argv) {
  for (size_t i = 0; i < CG_COUNT(commands); i++) {
    const struct command *c = &commands[i];
    int at = *c->group ? 2 : 1;
    if (argc > at && (at == 1 || !strcmp(argv[1], c->group)) &&
        !strcmp(argv[at], c->name))
      return c;
  }
  return NULL;
}

static int unknown(int argc, char **argv) {
  fprintf(stderr, "camgate: no command");
  for (int i = 1; i < argc && i < 3; i++) fprintf(stderr, " %s", argv[i]);
  fprintf(stderr, "\n\n");
  return help(stderr, CG_EXIT_USAGE);
}

int main(int argc, char **argv) {
  struct cg_cmd_env env = {0};
  if (!take_env(&env, &argc, argv)) return cg_cmd_usage("", "-c needs a file");
  if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")))
    return help(stdout, CG_EXIT_OK);
  if (argc > 1 && !strcmp(argv[1], "--version")) return cg_cmd_version(&env, 1, argv);
  const struct command *c = find(argc, argv);
  if (!c) return unknown(argc, argv);
  int at = *c->group ? 2 : 1;
  return c->fn(&env, argc - at, argv + at);
}
