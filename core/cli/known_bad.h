/* known_bad.h - versions of libraries and servers that have a known hole, one row a hole.
 *
 * A row names who says so (CVE, advisory, issue of the project itself, or the place in
 * this tree where it was seen), which releases mended it, and what the gate does about
 * it.  The table is read by people: keep it sorted by component, the newest hole first,
 * and name no source that you have not read.
 */
#ifndef CG_CLI_KNOWN_BAD_H
#define CG_CLI_KNOWN_BAD_H

#include <stdbool.h>
#include <stddef.h>

struct cg_known_bad {
  const char *component, *what;
  const char *since;  /* first bad version; "" = all before mended */
  const char *mended; /* releases, as cg_version_mended takes them; "" = none yet */
  const char *debian; /* package version of Debian 12 that has the patch; NULL = none */
  const char *source;
  const char *ours; /* why it does no harm here, or what to do; ends in a full stop */
  bool harmless;    /* worked around, or not reached: nobody has to do anything */
};

extern const struct cg_known_bad cg_known_bad[];
extern const size_t cg_known_bad_count;

/* The next row, from *at on, that holds for a component of this version; NULL: no more.
 * package: its Debian package's version, NULL when it is not known to come from one. */
const struct cg_known_bad *cg_known_bad_next(size_t *at, const char *component,
                                             const char *version, const char *package);

#endif
