/* target.h - request targets: what is accepted, and how they are decoded.
 *
 * The origin form (RFC 9112 3.2.1) passes, and the absolute form (3.2.2) of http and
 * https without userinfo.  A path has characters of RFC 3986 alone, valid
 * percent-encoding, no encoded '/', '\', NUL or control character, and no dot segment,
 * plain or encoded: nothing in it can mean another path to a proxy.  A query may also
 * have what browsers leave as it is (URL Standard, query percent-encode set) and RFC 3986
 * would have encoded: | ^ [ ] { } ` and ".  No allocation.
 */
#ifndef CG_HTTP_TARGET_H
#define CG_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct cg_target {
  size_t path, path_len;   /* of an absolute form without a path: one of its slashes */
  size_t query, query_len; /* without the '?'; len 0: none */
};

/* NULL: fine, *ret says where the parts are.  Otherwise constant words for a 400. */
const char *cg_target_check(const char *s, size_t n, struct cg_target *ret);

/* name [":" port] or "[" address of IPv6 "]" [":" port], as in Host (RFC 9110 7.2) */
bool cg_target_is_authority(const char *s, size_t n);

/* In place; the result is NUL-terminated (s has room for n + 1) and its length returned,
 * or -1 when it holds a control character or is not UTF-8.  The encoding was checked. */
int cg_percent_decode(char *s, size_t n, bool plus_is_space);

#endif
