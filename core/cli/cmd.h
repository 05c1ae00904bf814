/* cmd.h - the command line: one row per command, one function each.
 *
 * Results go to stdout (table or JSON), words about trouble to stderr; exit codes are
 * cmd_opts.h's.
 */
#ifndef CG_CLI_CMD_H
#define CG_CLI_CMD_H

#include "cli/cmd_opts.h"
#include "conf/conf.h"

/* What stands before and between the words: -c FILE, --format table|json. */
struct cg_cmd_env {
  const char *conf_path;
  bool json;
};

/* argv[0] is the command's own last word ("query"), options follow. */
typedef int cg_cmd_fn(const struct cg_cmd_env *env, int argc, char **argv);

cg_cmd_fn cg_cmd_run, cg_cmd_check, cg_cmd_token, cg_cmd_policy_eval, cg_cmd_audit_query,
    cg_cmd_audit_verify, cg_cmd_audit_export, cg_cmd_lease_ls, cg_cmd_lease_show,
    cg_cmd_lease_end, cg_cmd_plugin_ls, cg_cmd_plugin_check, cg_cmd_version;

/* LOOK makes nothing; OWN makes the state directory and, without any key, the
 * development secret. */
enum cg_conf_use { CG_CONF_LOOK, CG_CONF_OWN };

/* Reads the configuration or says on stderr what is wrong with it; NULL: exit 2. */
struct cg_conf *cg_cmd_conf(const struct cg_cmd_env *env,
                            enum cg_conf_use use) CG_MUST_USE;
/* The same, with whatever is wrong in it; NULL: there is none, stderr says so. */
struct cg_conf *cg_cmd_conf_read(const struct cg_cmd_env *env) CG_MUST_USE;

/* On stderr, a line each. */
void cg_cmd_problems(const struct cg_conf_problems *problems);

#endif
