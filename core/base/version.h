/* version.h - versions of software, compared as Debian compares them.
 *
 * Works on upstream's numbers ("3.40.1") and on packages' ("1:2.1.12-stable-8+deb12u1"):
 * epoch, then version, then revision; digits as numbers, the rest letter by letter, "~"
 * before everything (deb-version(7)).
 */
#ifndef CG_BASE_VERSION_H
#define CG_BASE_VERSION_H

#include <stdbool.h>

/* Negative, 0 or positive: a is older, the same, newer. */
int cg_version_cmp(const char *a, const char *b);

/* Has version what was mended in these releases, oldest first, one for each branch kept
 * alive ("7.2.11 8.0.6 8.1.4")?  The release of the same major.minor counts, else the
 * newest.  "": it was never mended. */
bool cg_version_mended(const char *version, const char *releases);

#endif
