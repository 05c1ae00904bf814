/* bundle.h - the policy files of one moment, read whole, with their revision.
 *
 * Read by the main thread at start and on reload, then immutable and shared by all
 * workers through references.  The revision is the SHA-256 (hex) over names and contents
 * in name order, lib/ included.  Bounds: 256 files, 256 KiB each, 4 MiB in all; names
 * [A-Za-z0-9_-]+.lua; anything else in the folder is ignored, a broken or unreadable .lua
 * is an error.  References are atomic: any thread.
 */
#ifndef CG_POLICY_BUNDLE_H
#define CG_POLICY_BUNDLE_H

#include <stddef.h>

#include "base/err.h"

struct cg_bundle_file {
  const char *name; /* "20-roles.lua", or "lib/hours.lua" */
  const char *text;
  size_t len;
};

struct cg_bundle {
  const struct cg_bundle_file *policies; /* in name order */
  size_t n_policies;
  const struct cg_bundle_file *libs;
  size_t n_libs;
  char revision[65];
};

/* Is a file of that name read? */
bool cg_bundle_takes(const char *name);
/* One reference to the caller; NULL: err names the file. */
const struct cg_bundle *cg_bundle_read(const char *dir, struct cg_err *err) CG_MUST_USE;
/* At least one policy: a gate without any would refuse everybody, which nobody means. */
const struct cg_bundle *cg_bundle_read_some(const char *dir,
                                            struct cg_err *err) CG_MUST_USE;
const struct cg_bundle *cg_bundle_ref(const struct cg_bundle *b);
void cg_bundle_unref(const struct cg_bundle *b); /* NULL is fine */

#endif
