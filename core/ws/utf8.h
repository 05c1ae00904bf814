/* utf8.h - is this UTF-8 (RFC 3629), told as the bytes come.
 *
 * A text that is none is known for it at its first wrong byte, wherever the pieces were
 * cut.  Surrogates, code points beyond U+10FFFF and overlong forms are none.  Zeroed =
 * before the text.  No allocation, any thread.
 */
#ifndef CG_WS_UTF8_H
#define CG_WS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cg_utf8 {
  uint8_t left;      /* bytes that the character under way still needs */
  uint8_t low, high; /* what the next of them must lie between */
};

bool cg_utf8_feed(struct cg_utf8 *u, const char *bytes, size_t n); /* false: it is none */
bool cg_utf8_ends(const struct cg_utf8 *u); /* no character is under way */

#endif
