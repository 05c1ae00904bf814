/* query.h - the parameters of a request target.
 *
 * name[=value] joined by '&', percent-encoded, '+' for a space.  Strict, since a
 * parameter that is read differently on the way is a hole: no duplicates, no empty names,
 * no control characters, UTF-8 only, CG_QUERY_MAX at most.
 */
#ifndef CG_HTTP_QUERY_H
#define CG_HTTP_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define CG_QUERY_MAX 32

struct cg_query {
  const char *name, *value; /* decoded */
};

/* Decodes in place: text[n] is writable too; the percent-encoding was checked.  NULL:
 * fine.  Otherwise constant words for a 400. */
const char *cg_query_parse(char *text, size_t n, struct cg_arena *arena,
                           struct cg_query **ret, uint32_t *ret_n);

#endif
