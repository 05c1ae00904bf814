/* jwt.h - a JWT taken apart, and everything about it that needs no key.
 *
 * Strict before the signature (RFC 7515, 7519, 8725): at most CG_TOKEN_MAX bytes, three
 * parts, each canonical base64url; header a JSON object of at most 1 KiB, no member
 * twice; alg a string; typ, if there, JWT or at+jwt (RFC 9068).  Header members that
 * would let the token bring its own key (jwk, jku, x5u), change its meaning (crit, b64)
 * or wrap another one (enc, zip, cty) are refused by name; x5c and x5t are never looked
 * at.
 *
 * Claims: exp is required; exp, nbf, iat are numbers of seconds between 1970 and 9999;
 * iss is a string, aud a string or an array of strings.
 */
#ifndef CG_AUTH_JWT_H
#define CG_AUTH_JWT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bounds.h"
#include "base/err.h"

#define CG_JWT_SIGNATURE_MAX 1024

struct cg_jwt {
  json_t *header, *claims;
  bool mended; /* U+FFFD stands in the claims for what is no character, or NUL */
  const char *alg, *kid; /* of the header; kid NULL: none */
  const char *text;      /* the caller's token */
  size_t signed_n;       /* the signature is over text[0..signed_n) */
  unsigned char signature[CG_JWT_SIGNATURE_MAX];
  size_t signature_n;
};

/* *ret needs cg_jwt_done only after true. */
bool cg_jwt_parse(const char *token, size_t n, struct cg_jwt *ret,
                  struct cg_err *err) CG_MUST_USE;
void cg_jwt_done(struct cg_jwt *jwt);

struct cg_jwt_rules {
  const char *issuer, *audience; /* NULL: any */
  int64_t leeway_s;
};

/* *ret_until_us: wall time from which the token no longer holds, leeway included. */
bool cg_jwt_check_claims(const json_t *claims, const struct cg_jwt_rules *rules,
                         int64_t now_wall_us, int64_t *ret_until_us,
                         struct cg_err *err) CG_MUST_USE;

/* An HS256 token with these claims, for a person or a test to use; cg_free it. */
char *cg_jwt_mint(const char *secret, const json_t *claims,
                  struct cg_err *err) CG_MUST_USE;

#endif
