/* offline.h - plugins without a gate: loaded, started on a loop of the caller's thread,
 * asked one thing at a time.
 *
 * The audit plugin is asked read-only when it has that option, so that commands work
 * beside a running gate.  Only errors are logged.
 */
#ifndef CG_CLI_OFFLINE_H
#define CG_CLI_OFFLINE_H

#include "cli/cmd_opts.h"
#include "cli/software.h"
#include "conf/conf.h"

struct cg_offline {
  const struct cg_conf *conf;
  struct cg_log *log;
  struct cg_metrics *metrics;
  struct cg_plugins_env env;
  struct cg_plugins *set;
  struct cg_loop *loop;
  struct cg_drivers *drivers;
};

enum cg_offline_kind { CG_OFFLINE_CAMERAS, CG_OFFLINE_AUDIT };

/* The one plugin that serves the kind, started.  false: *err says why. */
bool cg_offline_open(struct cg_offline *o, const struct cg_conf *conf,
                     enum cg_offline_kind kind, struct cg_err *err) CG_MUST_USE;
void cg_offline_close(struct cg_offline *o);

/* All of them loaded, to look: errs has what a start would refuse, and cg_plugins_init
 * says more.  o->set are those that could be loaded. */
void cg_offline_look(struct cg_offline *o, const struct cg_conf *conf,
                     struct cg_arena *arena, struct cg_field_errors *errs);
/* Starts those that are initialised and asks how they are: warnings has what a start
 * would live with, software what answered.  Plugins with an option read_only change
 * nothing at their servers; one with `check` (the trail: a running gate holds it) is not
 * there any more. */
void cg_offline_ask(struct cg_offline *o, struct cg_arena *arena,
                    struct cg_field_errors *errs, struct cg_field_errors *warnings,
                    struct cg_software *software);

/* What the plugin is linked with, whether it starts or not. */
void cg_offline_libraries(const struct cg_conf *conf, const char *plugin,
                          struct cg_software *software);

/* Of a started one: warns of sites that have a time zone and no camera. */
void cg_offline_sites(struct cg_offline *o, struct cg_arena *arena,
                      struct cg_field_errors *warnings);

/* The configured policies, compiled; their texts live in conf's arena.  usage() answers
 * what `usage` names, else 0.  NULL: problems has all that is wrong. */
struct cg_offline_usage {
  const char *scope;
  uint64_t in_use;
};
struct cg_offline_usages {
  struct cg_offline_usage items[CG_CMD_LIST_MAX];
  size_t n;
};
struct cg_policy *cg_offline_policy(const struct cg_conf *conf,
                                    const struct cg_offline_usages *usages,
                                    struct cg_log *log,
                                    struct cg_conf_problems *problems) CG_MUST_USE;

/* Runs the loop until *done. */
void cg_offline_wait(struct cg_offline *o, const bool *done);

#endif
