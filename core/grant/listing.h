/* listing.h - what there is: leases of one or all, cameras a caller may see.
 *
 * Leases: the caller's own are on one worker; an admin's question goes to all and the
 * answers are put together.  Cameras: each is decided as if it were asked for now, in
 * slices between which the loop does other work; a page looks at CG_CAMERAS_PAGE cameras.
 * fn runs once, on the worker that asked; json is valid inside it.
 */
#ifndef CG_GRANT_LISTING_H
#define CG_GRANT_LISTING_H

#include "lease/service.h"

#define CG_CAMERAS_PAGE 500

typedef void cg_list_fn(void *arg, const struct cg_err *err, const char *json, size_t n);

/* "" = any.  subject "": of all subjects. */
struct cg_lease_filter {
  char subject[CG_SUBJECT_MAX + 1], camera[CGP_CAMERA_ID_MAX + 1];
  char lease_id[CG_ID_LEN + 1];
};

/* json: {"leases": [...]} */
void cg_list_leases(struct cg_service *g, const struct cg_lease_filter *filter,
                    cg_list_fn *fn, void *arg);

/* json: {"cameras": [...], "next": id or null}.  who, and after (a camera id, "" = from
 * the start), must stay until fn has run. */
void cg_list_cameras(struct cg_service *g, const struct cg_subject *who,
                     const char *after, cg_list_fn *fn, void *arg);

#endif
