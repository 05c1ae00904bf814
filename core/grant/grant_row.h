/* grant_row.h - what the trail says of a grant.
 *
 * The row borrows from the grant; its facts are rendered into buf, which must live until
 * cg_audit_append has returned.  The facts of a granted or changed lease hold its terms
 * whole (lease/terms.h), for the newest such row alone brings it back after a restart.
 */
#ifndef CG_GRANT_GRANT_ROW_H
#define CG_GRANT_GRANT_ROW_H

#include "base/buf.h"
#include "grant/grant.h"

/* What the grant has come to; the outcome is the caller's to set. */
struct cgp_audit_row cg_row_of_grant(const struct cg_grant *g, const char *kind,
                                     struct cg_buf *buf);

#endif
