/* preflight.h - what a start would refuse, found without starting: all of it at once.
 *
 * `camgate check` tells it, and `camgate run` begins with it, so that both refuse the
 * same in the same words.  Nothing is made, no port is held, nobody is connected to.
 *
 *   the file (conf.h) -> state folder -> addresses -> policies, time zones -> plugins:
 *   found, their options, and what their init would refuse
 */
#ifndef CG_CLI_PREFLIGHT_H
#define CG_CLI_PREFLIGHT_H

#include "cli/offline.h"

/* RUN: the gate itself runs init next, unless something else is wrong. */
enum cg_preflight_use { CG_PREFLIGHT_CHECK, CG_PREFLIGHT_RUN };

struct cg_preflight {
  struct cg_conf_problems problems, warnings; /* texts live in conf's arena */
  const struct cg_zones *zones; /* NULL: something is wrong with them, or the policies */
  struct cg_offline plugins;    /* those that could be loaded; CHECK: initialised, too */
};

/* Zeroed before, cg_preflight_done after, in any case. */
void cg_preflight(const struct cg_conf *conf, enum cg_preflight_use use,
                  struct cg_preflight *f);
void cg_preflight_done(struct cg_preflight *f);

#endif
