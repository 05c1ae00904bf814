/* target.h - request targets: what is accepted, and how they are decoded.
 *
 * Only the origin form (RFC 9112 3.2.1) passes, in characters of RFC 3986 alone, with
 * valid percent-encoding, no encoded '/', '\', NUL or control character, and no dot
 * segment, plain or encoded: nothing in the path can mean another path to a proxy.  No
 * allocation.
 */
#ifndef CG_HTTP_TARGET_H
#define CG_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

/* NULL: fine, *ret_path is the path's length.  Otherwise constant words for a 400. */
const char *cg_target_check(const char *s, size_t n, size_t *ret_path);

/* In place; the result is NUL-terminated (s has room for n + 1) and its length returned,
 * or -1 when it holds a control character or is not UTF-8.  The encoding was checked. */
int cg_percent_decode(char *s, size_t n, bool plus_is_space);

#endif
