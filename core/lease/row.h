/* row.h - rows of the trail: blank ones, those of a lease, and their columns by name.
 *
 * A row borrows from what it is made of; facts are rendered into buf, which must live
 * until cg_audit_append has returned.  A grant's rows are made in grant/grant_row.h, and
 * hold what a restart needs (terms.h); of those made here nothing is read back.
 */
#ifndef CG_LEASE_ROW_H
#define CG_LEASE_ROW_H

#include <stddef.h>

#include "base/buf.h"
#include "lease/service.h"

#define CG_FACTS_MAX 16384

struct cgp_audit_row cg_row_blank(const char *kind);
/* end, join, leave */
struct cgp_audit_row cg_row_of_lease(const struct cg_service *home, const char *kind,
                                     const struct cg_lease *l, struct cg_buf *buf);

/* The texts of a row, in the order of the trail's columns (all but seq and facts). */
struct cg_row_column {
  const char *name;
  size_t offset;
};
#define CG_ROW_COLUMNS 18
extern const struct cg_row_column cg_row_columns[CG_ROW_COLUMNS];
const char *cg_row_text(const struct cgp_audit_row *row, size_t column);

/* One JSON object: seq, the columns, facts. */
void cg_row_json(struct cg_buf *b, const struct cgp_audit_row *row);

#endif
