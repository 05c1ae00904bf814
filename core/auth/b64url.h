/* b64url.h - base64url without padding, and only its canonical form.
 *
 * RFC 7515, section 2, and RFC 4648, section 5: one text for each sequence of bytes.
 * Padding, other letters, an impossible length and bits set after the last byte are
 * refused, so that no two texts mean one token.
 */
#ifndef CG_AUTH_B64URL_H
#define CG_AUTH_B64URL_H

#include "base/err.h"

/* At most max bytes.  false: not canonical, or longer than max. */
bool cg_b64url_decode(const char *text, size_t n, unsigned char *out, size_t max,
                      size_t *ret_n) CG_MUST_USE;

#endif
