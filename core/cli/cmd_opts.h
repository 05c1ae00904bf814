/* cmd_opts.h - options of a command: a table, read once; and cells of what it prints.
 *
 * A row whose name begins with "--" is an option, its value the next word or behind "=";
 * any other row is a word that must be given, in order.  Unknown ones are refused with
 * the nearest name; --help prints the table.
 */
#ifndef CG_CLI_CMD_OPTS_H
#define CG_CLI_CMD_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What a command ends with: done; a finding, a denial or a failed test; usage or
 * configuration. */
enum { CG_EXIT_OK = 0, CG_EXIT_FINDING = 1, CG_EXIT_USAGE = 2 };

#define CG_CMD_LIST_MAX 64

struct cg_cmd_list {
  const char *items[CG_CMD_LIST_MAX];
  size_t n;
};

enum cg_cmd_opt_type { CG_OPT_TEXT, CG_OPT_LIST, CG_OPT_FLAG };

struct cg_cmd_opt {
  const char *name;
  enum cg_cmd_opt_type type;
  void *to; /* const char **, struct cg_cmd_list *, bool * */
  const char *help;
};

#define CG_CMD_GO (-1)

/* opts ends with a row whose name is NULL.  CG_CMD_GO, or the exit code: all is said. */
int cg_cmd_opts(const char *command, const struct cg_cmd_opt *opts, int argc,
                char **argv) CG_MUST_USE;

/* Prints a usage error; the exit code. */
int cg_cmd_usage(const char *command, const char *fmt, ...) CG_PRINTF(2, 3);

/* A cell of a table: padded to width columns of a terminal, one space at least; 0: the
 * last one, as it is.  What could act on a terminal or turn the line around is shown as
 * '?'. */
void cg_cmd_cell(const char *text, int width);

/* "12" within the range, else false. */
bool cg_cmd_number(const char *text, int64_t min, int64_t max, int64_t *ret) CG_MUST_USE;

#endif
