/* auth.h - who is calling: bearer tokens (JWTs) of users, verified.
 *
 * One struct cg_auth per worker, used on its thread alone.  It has two sets of keys
 * (keys.h): the configured ones, which stay, and those that an issuer publishes, which
 * cg_auth_publish replaces whole.  A key has exactly one algorithm, its own: a secret is
 * HS256, an RSA key RS256, a P-256 key ES256; a token cannot choose (RFC 8725, 3.1).  All
 * that can be said without the key is checked before the signature: size, form, header,
 * times, issuer, audience (jwt.h).
 *
 * Verified tokens are remembered by their SHA-256 (token_cache.h) until they expire or
 * cg_auth_publish changes the keys.  Wrong signatures are counted per client address
 * (budget.h): an address with 20 of them within 10 s gets CG_E_RATE for every token that
 * is not remembered.  While there is no key at all yet, every token gets
 * CG_E_UNAVAILABLE.  Other refusals are CG_E_UNAUTHENTICATED, with words that never quote
 * the token.
 */
#ifndef CG_AUTH_AUTH_H
#define CG_AUTH_AUTH_H

#include "auth/identity.h"

struct cg_auth;

/* All are copied. */
struct cg_auth_conf {
  const char *secret;            /* HS256, at least 32 bytes; NULL: none */
  const char *public_key_pem;    /* RSA of 2048 bits or more, or P-256; NULL: none */
  const char *key_id;            /* of the public key, else of the secret; NULL: any */
  const char *issuer, *audience; /* NULL: not checked */
  const char *roles_claim, *sites_claim; /* paths */
  int64_t leeway_s;                      /* how far clocks may differ */
  uint32_t cache_entries;                /* 0: no cache */
  bool published; /* cg_auth_publish will be called, no key need be configured */
};

struct cg_keys;

/* NULL: no key at all and none to come, or one that is refused in words. */
struct cg_auth *cg_auth_new(const struct cg_auth_conf *conf,
                            struct cg_err *err) CG_MUST_USE;
void cg_auth_free(struct cg_auth *auth); /* identities outlive it */

/* The issuer's keys from now on; takes them over, forgets every remembered token. */
void cg_auth_publish(struct cg_auth *auth, struct cg_keys *keys);
/* fn is called with the kid of a token for which no key is found; it returns true when
 * keys are being fetched, and the token gets CG_E_UNAVAILABLE instead of
 * CG_E_UNAUTHENTICATED. NULL: nothing is called. */
void cg_auth_on_missed(struct cg_auth *auth, bool (*fn)(void *ctx, const char *kid),
                       void *ctx);
bool cg_auth_has_keys(const struct cg_auth *auth); /* configured or published */
/* SHA-256, 32 bytes. */
bool cg_auth_digest(struct cg_auth *auth, const void *data, size_t n,
                    unsigned char out[32]) CG_MUST_USE;

/* header: the Authorization header's value, or NULL.  true: *ret_identity holds one
 * reference, which the caller gives back (cg_identity_unref, any worker) when the request
 * is over; *ret_subject borrows from it, and its ip is client_ip itself. */
bool cg_auth_bearer(struct cg_auth *auth, const char *header, const char *client_ip,
                    int64_t now_wall_us, struct cg_subject *ret_subject,
                    struct cg_identity **ret_identity, struct cg_err *err) CG_MUST_USE;

#endif
