/* The table of commands, and the way from argv to one of them. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/cmd.h"
#include "cli/cmd_opts.h"

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
    {"plugin", "check", cg_cmd_plugin_check,
     "Would the gate load this file? With its options."},
    {"", "version", cg_cmd_version, "Version."},
};

static void list_commands(FILE *to, const char *group) {
  for (size_t i = 0; i < CG_COUNT(commands); i++) {
    const struct command *c = &commands[i];
    char words[32];
    if (group && strcmp(group, c->group) != 0) continue;
    snprintf(words, sizeof words, "%s%s%s", c->group, *c->group ? " " : "", c->name);
    fprintf(to, "  camgate %-14s %s\n", words, c->help);
  }
}

static int help(void) {
  puts("camgate - admission gate for live camera streams\n");
  list_commands(stdout, NULL);
  puts("\n  -c FILE              the configuration; etc/camgate.lua, else the prefix's, "
       "else "
       "/etc/camgate's\n"
       "  --format table|json  how results are written; both may stand anywhere\n"
       "  --help               also after a command\n\n"
       "exit: 0 done; 1 a finding, a denial; 2 usage or configuration");
  return CG_EXIT_OK;
}

/* The value of an option that may stand anywhere: in the next word, or behind "=". */
static const char *value_of(const char *name, char **argv, int *i, bool *ret_is) {
  size_t n = strlen(name);
  *ret_is =
      !strcmp(argv[*i], name) || (!strncmp(argv[*i], name, n) && argv[*i][n] == '=');
  if (!*ret_is) return NULL;
  return argv[*i][n] == '=' ? argv[*i] + n + 1 : argv[++*i];
}

/* Takes -c FILE and --format table|json out of argv, wherever they stand.  Other formats
 * are the command's own.  NULL, or what is wrong. */
static const char *take_env(struct cg_cmd_env *env, int *argc, char **argv) {
  int kept = 1;
  for (int i = 1; i < *argc; i++) {
    bool is_conf, is_format;
    int at = i;
    const char *conf = value_of("-c", argv, &i, &is_conf);
    if (!is_conf) conf = value_of("--config", argv, &i, &is_conf);
    if (is_conf && (!conf || !*conf)) return "-c needs a file";
    if (is_conf) {
      env->conf_path = conf;
      continue;
    }
    const char *format = value_of("--format", argv, &i, &is_format);
    bool json = format && !strcmp(format, "json");
    if (is_format && (json || (format && !strcmp(format, "table")))) {
      env->json = json;
      continue;
    }
    if (is_format && kept == 1) return "--format must be table or json";
    i = at;
    argv[kept++] = argv[i];
  }
  *argc = kept;
  argv[kept] = NULL;
  return NULL;
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

static bool is_help(const char *word) {
  return word &&
         (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help"));
}

static bool is_group(const char *word) {
  for (size_t i = 0; i < CG_COUNT(commands); i++)
    if (*word && !strcmp(commands[i].group, word)) return true;
  return false;
}

/* The command or group that a misspelt first word may mean, or the command of a group. */
static const char *near(const char *word, const char *group) {
  const char *names[2 * CG_COUNT(commands)];
  size_t n = 0;
  for (size_t i = 0; i < CG_COUNT(commands); i++) {
    const struct command *c = &commands[i];
    if (!group && *c->group) names[n++] = c->group;
    if (!strcmp(c->group, group ? group : "")) names[n++] = c->name;
  }
  return cg_nearest(word, names, n);
}

static int no_such(const char *group, const char *word) {
  const char *meant = near(word, group);
  char words[CG_UTF8_PRINT_MAX];
  cg_utf8_print(words, sizeof words, "there is no command \"%s%s%.40s\"%s%s%s",
                group ? group : "", group ? " " : "", word,
                meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
  fprintf(stderr, "camgate: %s\n", words);
  if (!meant) list_commands(stderr, group);
  return CG_EXIT_USAGE;
}

/* No command is named by argv, which ends with NULL: what there is. */
static int unknown(int argc, char **argv) {
  const char *group = argc > 1 && is_group(argv[1]) ? argv[1] : NULL;
  const char *word = argc > 1 ? argv[group ? 2 : 1] : NULL;
  if (group && is_help(word)) {
    list_commands(stdout, group);
    return CG_EXIT_OK;
  }
  if (word) return no_such(group, word);
  fprintf(stderr, "camgate: which command?\n");
  list_commands(stderr, group);
  return CG_EXIT_USAGE;
}

/* Secrets are in the memory of every command: no core dump, no other process of this user
 * may look, and what /proc shows of it is root's. */
static void keep_secrets(void) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

/* Closed ones would become a socket's or a file's, and be written into.  What is written
 * to a stdout that is closed still fails. */
static bool fill_standard_descriptors(void) {
  static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
  bool ok = true;
  for (int fd = 0; ok && fd < (int)CG_COUNT(modes); fd++)
    ok = fcntl(fd, F_GETFD) >= 0 || open("/dev/null", modes[fd]) == fd;
  if (!ok)
    fprintf(stderr, "camgate: standard input or output is closed and /dev/null cannot "
                    "stand in for it\n");
  return ok;
}

/* A reader that left and a file too long are errors to answer, no deaths. */
static void bear_failing_writes(void) {
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGXFSZ, &ignore, NULL);
}

/* Somebody else who has the pipe or terminal made it non-blocking, and a result would be
 * cut where it is full: from now on we have it by a description of our own. */
static void bear_nonblocking(int fd) {
  struct stat st;
  char path[32];
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || !(flags & O_NONBLOCK) || fstat(fd, &st) != 0) return;
  if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)) return;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0) return;
  if (fcntl(own, F_SETFL, 0) == 0) dup2(own, fd);
  close(own);
}

static int run(int argc, char **argv) {
  struct cg_cmd_env env = {0};
  const char *wrong = take_env(&env, &argc, argv);
  if (wrong) {
    fprintf(stderr, "camgate: %s (camgate --help)\n", wrong);
    return CG_EXIT_USAGE;
  }
  if (argc > 1 && is_help(argv[1])) return help();
  if (argc > 1 && !strcmp(argv[1], "--version")) return cg_cmd_version(&env, 1, argv);
  const struct command *c = find(argc, argv);
  if (!c) return unknown(argc, argv);
  int at = *c->group ? 2 : 1;
  return c->fn(&env, argc - at, argv + at);
}

/* Of a pipe on stdout; it wants no more, like head, and nothing need be said. */
static bool reader_has_left(void) {
  struct pollfd out = {.fd = STDOUT_FILENO};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

static int result(int code) {
  if (fflush(stdout) == 0 && !ferror(stdout) && close(STDOUT_FILENO) == 0) return code;
  if (!reader_has_left()) fprintf(stderr, "camgate: cannot write the result\n");
  return CG_EXIT_USAGE;
}

int main(int argc, char **argv) {
  if (!fill_standard_descriptors()) return CG_EXIT_USAGE;
  bear_failing_writes();
  bear_nonblocking(STDOUT_FILENO);
  bear_nonblocking(STDERR_FILENO);
  keep_secrets();
  return result(run(argc, argv));
}
