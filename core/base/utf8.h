/* utf8.h - is this UTF-8 (RFC 3629), of a whole text or told as its bytes come.
 *
 * In pieces, a text that is none is known for it at its first wrong byte, wherever they
 * were cut.  Surrogates, code points beyond U+10FFFF and overlong forms are none.
 * Zeroed = before the text.  No allocation, any thread.
 */
#ifndef CG_BASE_UTF8_H
#define CG_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cg_utf8 {
  uint8_t left;      /* bytes that the character under way still needs */
  uint8_t low, high; /* what the next of them must lie between */
};

bool cg_utf8_feed(struct cg_utf8 *u, const char *bytes, size_t n); /* false: it is none */
bool cg_utf8_ends(const struct cg_utf8 *u); /* no character is under way */

bool cg_utf8_is(const char *text, size_t n); /* the whole of it */
/* Bytes of the character that begins at s, where n of them are, at least one; 0: none
 * does. */
size_t cg_utf8_len(const char *s, size_t n);

#endif
