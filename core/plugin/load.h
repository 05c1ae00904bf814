/* load.h - the set of plugins: found, checked, configured, initialised; or refused in
 * words.
 *
 * Loaded once by the main thread, in the order of the configuration's names; nothing is
 * ever unloaded.  The file must be a regular file inside the plugin folder (no symlink
 * out of it), owned by root or by us, writable by nobody else.  cg_plugin_refusal holds
 * the ABI rules (major, minor, size, missing ops) in one place; `camgate plugin check`
 * prints it.  Each kind is served by exactly one plugin; a kind that nobody or two serve
 * is an error.  Options are checked against the plugin's own table, all errors at once,
 * pointers "/plugins/NAME/OPTION".
 */
#ifndef CG_PLUGIN_LOAD_H
#define CG_PLUGIN_LOAD_H

#include <jansson.h>

#include "../../plugins/camgate_plugin.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/schema.h"
#include "plugin/changes.h"
#include "plugin/plugins_env.h"

struct cg_plugin {
  const struct cgp_plugin *abi;
  const char *name, *path;
  void *self;            /* what init returned */
  struct cgp_host *host; /* main's, for init and reload */
  bool inited;
};

struct cg_plugins {
  struct cg_plugin *items;
  size_t n;
  const struct cg_plugin *cameras, *quota, *room, *ice, *audit;
  struct cg_camera_changes changes; /* of the last reload */
};

/* NULL: errs says everything that is wrong; looking, the others are a set all the same,
 * whose init may say more.  env's strings are copied, its objects kept. */
struct cg_plugins *cg_plugins_load(const struct cg_plugins_env *env,
                                   struct cg_arena *arena,
                                   struct cg_field_errors *errs) CG_MUST_USE;
/* dlopen and rules only: no init, no options; for `plugin ls` and `plugin check`. */
const struct cgp_plugin *cg_plugin_open(const char *path, struct cg_err *err) CG_MUST_USE;
/* NULL when acceptable, else the reason in words (static or in buf). */
const char *cg_plugin_refusal(const struct cgp_plugin *abi, char *buf, size_t n);
/* Has it the op `check`? */
bool cg_plugin_checks(const struct cgp_plugin *abi);
/* init of every plugin, in order, but that those which can `check` are asked that first
 * and begin after all others; errs has every refusal, at "/plugins/NAME", or at the
 * option that its words begin with.  Looking, they do not begin, and leave the set. */
bool cg_plugins_init(struct cg_plugins *set, struct cg_arena *arena,
                     struct cg_field_errors *errs) CG_MUST_USE;
/* reload of every plugin that has one; the first refusal stops and is told. */
bool cg_plugins_reload(struct cg_plugins *set, struct cg_err *err) CG_MUST_USE;
void cg_plugins_free(struct cg_plugins *set); /* fini in reverse order; NULL is fine */

#endif
