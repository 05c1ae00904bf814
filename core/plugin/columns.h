/* columns.h - the texts of a row of the trail, and of a question to it: one table each.
 *
 * The row's table is the host's one list of columns: blank rows, replies, exports and the
 * check of a plugin's rows walk it, in its order.  A new column is a field of struct
 * cgp_audit_row and one line here; a test holds etc/openapi.yaml to it.  The trail's own
 * side is plugins/audit_sqlite/columns.h.  Any thread, no failure.
 */
#ifndef CG_PLUGIN_COLUMNS_H
#define CG_PLUGIN_COLUMNS_H

#include <stddef.h>

#include "../../plugins/camgate_plugin.h"
#include "base/buf.h"

struct cg_column {
  const char *name;
  size_t offset; /* of a const char * */
  bool json;     /* an object as text, "{}" when empty; else plain text */
};

extern const struct cg_column cg_row_columns[];    /* all but seq; the last has no name */
extern const struct cg_column cg_filter_columns[]; /* likewise, of a cgp_audit_filter */

/* The text of that column of a row or filter, empty in one of an older minor that ends
 * before it; and to be set. */
const char *cg_column_text(const void *of, const struct cg_column *c);
void cg_column_set(void *of, const struct cg_column *c, const char *text);

/* size set, every text empty, every number 0. */
struct cgp_audit_row cg_row_blank(const char *kind);
struct cgp_audit_filter cg_filter_blank(void);

/* One JSON object: seq and the columns. */
void cg_row_json(struct cg_buf *b, const struct cgp_audit_row *row);

#endif
