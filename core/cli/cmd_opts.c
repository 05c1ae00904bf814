#include "cli/cmd_opts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/schema.h"
#include "base/utf8.h"

#define OPTS_MAX 32

int cg_cmd_usage(const char *command, const char *fmt, ...) {
  va_list ap;
  char words[CG_UTF8_PRINT_MAX];
  va_start(ap, fmt);
  cg_utf8_vprint(words, sizeof words, fmt, ap);
  va_end(ap);
  fprintf(stderr, "camgate %s: %s (camgate %s --help)\n", command, words, command);
  return CG_EXIT_USAGE;
}

static bool is_option(const char *name) {
  return !strncmp(name, "--", 2);
}

static int help(const char *command, const struct cg_cmd_opt *opts) {
  printf("camgate %s", command);
  for (const struct cg_cmd_opt *o = opts; o->name; o++)
    if (!is_option(o->name)) printf(" %s", o->name);
  puts(" [options]\n");
  for (const struct cg_cmd_opt *o = opts; o->name; o++)
    printf("  %-20s %s%s\n", o->name, o->help,
           o->type == CG_OPT_LIST ? " Repeatable." : "");
  puts("  -c FILE              The configuration; etc/camgate.lua.\n"
       "  --format table|json  How results are written.");
  return CG_EXIT_OK;
}

static int unknown(const char *command, const struct cg_cmd_opt *opts, const char *word) {
  const char *names[OPTS_MAX];
  size_t n = 0;
  if (!strncmp(word, "--format", 8))
    return cg_cmd_usage(command, "--format must be table or json");
  for (; opts[n].name && n < OPTS_MAX; n++) names[n] = opts[n].name;
  const char *near = cg_nearest(word, names, n);
  return cg_cmd_usage(command, "unexpected \"%.60s\"%s%s%s", word,
                      near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static bool give(const struct cg_cmd_opt *o, const char *value) {
  struct cg_cmd_list *list = o->to;
  if (o->type == CG_OPT_FLAG) {
    *(bool *)o->to = true;
  } else if (o->type == CG_OPT_TEXT) {
    *(const char **)o->to = value;
  } else {
    if (list->n == CG_CMD_LIST_MAX) return false;
    list->items[list->n++] = value;
  }
  return true;
}

/* The row of an option (up to its "="), or of the nth word. */
static const struct cg_cmd_opt *row_of(const struct cg_cmd_opt *opts, const char *arg,
                                       size_t nth) {
  size_t n = strcspn(arg, "=");
  for (; opts->name; opts++) {
    if (is_option(arg) ? !strncmp(opts->name, arg, n) && !opts->name[n]
                       : !is_option(opts->name) && nth-- == 0)
      return opts;
  }
  return NULL;
}

int cg_cmd_opts(const char *command, const struct cg_cmd_opt *opts, int argc,
                char **argv) {
  size_t words = 0;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return help(command, opts);
    const struct cg_cmd_opt *o = row_of(opts, argv[i], words);
    const char *value = argv[i], *equals = strchr(argv[i], '=');
    if (!o) return unknown(command, opts, argv[i]);
    if (!is_option(argv[i]))
      words++;
    else if (o->type == CG_OPT_FLAG && equals)
      return cg_cmd_usage(command, "%s takes no value", o->name);
    else if (o->type != CG_OPT_FLAG)
      value = equals ? equals + 1 : argv[++i];
    if (!value) return cg_cmd_usage(command, "%s needs a value", o->name);
    if (!cg_utf8_is(value, strlen(value)))
      return cg_cmd_usage(command, "%s is not UTF-8", o->name);
    if (!give(o, value)) return cg_cmd_usage(command, "too many %s", o->name);
  }
  const struct cg_cmd_opt *missing = row_of(opts, "", words);
  return missing ? cg_cmd_usage(command, "%s is missing", missing->name) : CG_CMD_GO;
}

bool cg_cmd_number(const char *text, int64_t min, int64_t max, int64_t *ret) {
  char *end;
  long long n = strtoll(text, &end, 10);
  if (end == text || *end || n < min || n > max) return false;
  *ret = n;
  return true;
}
