/* row.h - what the trail says of a lease; plugin/columns.h has the row's columns.
 *
 * A row borrows from what it is made of; facts are rendered into buf, which must live
 * until cg_audit_append has returned.  A grant's rows are made in grant/grant_row.h, and
 * hold what a restart needs (terms.h); of those made here nothing is read back.
 */
#ifndef CG_LEASE_ROW_H
#define CG_LEASE_ROW_H

#include "base/bounds.h"
#include "base/buf.h"
#include "lease/service.h"
#include "plugin/columns.h"

/* end, join, leave */
struct cgp_audit_row cg_row_of_lease(const struct cg_service *home, const char *kind,
                                     const struct cg_lease *l, struct cg_buf *buf);

/* Asks the trail for the end of this lease. */
struct cgp_audit_filter cg_row_end_of(const char *lease_id);

#endif
