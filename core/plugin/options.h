/* options.h - a plugin's options: its table, checked against what the configuration says.
 *
 * Values are copied and live until cg_options_free.  Every error is told, at
 * "/plugins/NAME/OPTION".  Secrets are registered with the log, whose masking covers them
 * from then on.  Main thread to build; any thread to read.
 */
#ifndef CG_PLUGIN_OPTIONS_H
#define CG_PLUGIN_OPTIONS_H

#include <jansson.h>

#include "../../plugins/camgate_plugin.h"
#include "base/log.h"
#include "base/schema.h"

struct cg_options;

/* What is wrong with the table itself, in words; NULL: nothing. */
const char *cg_options_odd(const struct cgp_option *table, size_t n);

/* Is that an option of the plugin? */
bool cg_options_has(const struct cgp_plugin *abi, const char *name, size_t n);

/* given: an object, or NULL for all defaults.  NULL: errs says why. */
struct cg_options *cg_options_read(const struct cgp_plugin *abi, json_t *given,
                                   const char *conf_dir, struct cg_log *log,
                                   struct cg_arena *arena,
                                   struct cg_field_errors *errs) CG_MUST_USE;
void cg_options_free(struct cg_options *o);

/* A name that is not in the table, or of another type, is the plugin's bug and aborts. */
const char *cg_options_string(const struct cg_options *o, const char *name);
int64_t cg_options_int(const struct cg_options *o, const char *name);
bool cg_options_bool(const struct cg_options *o, const char *name);

#endif
