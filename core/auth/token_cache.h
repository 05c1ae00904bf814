/* token_cache.h - tokens that were verified, remembered until they expire.
 *
 * Keyed by the SHA-256 of the whole token, so that only the very same bytes are found.  A
 * fixed number of entries, all memory taken at the start; the least recently used makes
 * room.  Refusals are never remembered.  One thread.
 */
#ifndef CG_AUTH_TOKEN_CACHE_H
#define CG_AUTH_TOKEN_CACHE_H

#include "auth/identity.h"

#define CG_TOKEN_DIGEST 32

struct cg_token_cache;

struct cg_token_cache *cg_token_cache_new(uint32_t entries) CG_MUST_USE; /* at least 1 */
void cg_token_cache_free(struct cg_token_cache *c); /* NULL is fine */
void cg_token_cache_clear(struct cg_token_cache *c);

/* A new reference, or NULL; one that is over by now is dropped. */
struct cg_identity *cg_token_cache_get(struct cg_token_cache *c,
                                       const unsigned char digest[CG_TOKEN_DIGEST],
                                       int64_t now_us);
/* Takes a reference of its own. */
void cg_token_cache_put(struct cg_token_cache *c,
                        const unsigned char digest[CG_TOKEN_DIGEST],
                        struct cg_identity *id, int64_t until_us);

#endif
