/* keys.h - the keys that may sign users' tokens, and signatures checked with them.
 *
 * A key knows its one algorithm (RFC 8725, 3.1): secret HS256, RSA (PKCS #1 v1.5) RS256,
 * EC P-256 ES256.  A token finds its key by the algorithm and the kid; this is the one
 * place where keys are chosen.  Among configured keys there is one of an algorithm, and
 * one without a name fits every kid.  Among published ones (jwks.h) the kid must be a
 * key's own; a token without kid is checked only when one key has its algorithm.  What
 * OpenSSL needs is fetched, keyed and initialised when the key is added; checking
 * allocates little and fetches nothing.  One thread.
 */
#ifndef CG_AUTH_KEYS_H
#define CG_AUTH_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define CG_KEYS_MAX     64
#define CG_SECRET_MIN   32 /* bytes; RFC 7518, 3.2 */
#define CG_RSA_BITS_MIN 2048
#define CG_RSA_BITS_MAX 8192

struct cg_keys;
struct cg_key;

/* published: by an issuer, not configured here. */
struct cg_keys *cg_keys_new(bool published, struct cg_err *err) CG_MUST_USE;
void cg_keys_free(struct cg_keys *keys);

/* kid NULL: the key has no name.  false: refused in words (CG_E_INVALID). */
bool cg_keys_add_secret(struct cg_keys *keys, const char *kid, const char *secret,
                        struct cg_err *err) CG_MUST_USE;
bool cg_keys_add_pem(struct cg_keys *keys, const char *kid, const char *pem,
                     struct cg_err *err) CG_MUST_USE;

/* An EVP_PKEY, of which a reference is taken.  alg: what it may be used for by its own
 * account; NULL: its kind says that. */
bool cg_keys_add_pkey(struct cg_keys *keys, const char *kid, const char *alg, void *pkey,
                      struct cg_err *err) CG_MUST_USE;
size_t cg_keys_count(const struct cg_keys *keys);

/* NULL: no key of that algorithm, or none of that name. */
struct cg_key *cg_keys_find(struct cg_keys *keys, const char *alg, const char *kid,
                            struct cg_err *err) CG_MUST_USE;
bool cg_key_verify(struct cg_key *key, const char *text, size_t n,
                   const unsigned char *signature, size_t signature_n) CG_MUST_USE;

/* SHA-256, 32 bytes. */
bool cg_keys_digest(struct cg_keys *keys, const void *data, size_t n,
                    unsigned char out[32]) CG_MUST_USE;

#endif
