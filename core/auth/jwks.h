/* jwks.h - a JSON Web Key Set (RFC 7517), as an issuer publishes it, read into keys.
 *
 * At most 256 KiB and 64 members.  Taken are public RSA keys of 2048 to 8192 bits (RS256)
 * and EC keys on P-256 (ES256).  What a member says of itself counts: use must be sig,
 * key_ops hold verify, alg be the kind's own.  Members of other kinds are passed over, as
 * the RFC says, and so are weak and broken ones, keys whose private half is published
 * with them, and secrets (kty oct), which have no place where everybody reads.  A set of
 * which nothing is left is refused, with the first one's reason.
 */
#ifndef CG_AUTH_JWKS_H
#define CG_AUTH_JWKS_H

#include "auth/keys.h"

#define CG_JWKS_MAX ((size_t)256 * 1024)

/* NULL: CG_E_INVALID in words, or CG_E_MEMORY. */
struct cg_keys *cg_jwks_read(const char *text, size_t n, struct cg_err *err) CG_MUST_USE;

#endif
