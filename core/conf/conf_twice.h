/* conf_twice.h - options that stand twice in one table of the file.
 *
 * Lua takes the last one without a word; nobody means the first.  Found in the source, as
 * the table that comes of it has one of them only.
 */
#ifndef CG_CONF_CONF_TWICE_H
#define CG_CONF_CONF_TWICE_H

#include "base/schema.h"

/* An error each, its pointer ":LINE". */
void cg_conf_twice(const char *source, struct cg_arena *arena,
                   struct cg_field_errors *errs);

#endif
