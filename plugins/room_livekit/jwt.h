/* jwt.h - HS256 and nothing else: signing and checking compact JWTs with one secret.
 *
 * One signer per worker and secret: algorithm fetched once, key set once, each MAC starts
 * from it anew.  Base64url is without padding (RFC 7515 section 2); decoding takes only
 * the canonical form.  Belongs to one thread.
 */
#ifndef ROOM_LIVEKIT_JWT_H
#define ROOM_LIVEKIT_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JWT_MAC_BYTES 32

struct signer;

struct signer *signer_new(const char *secret); /* NULL: OpenSSL refused, no memory */
void signer_free(struct signer *s);            /* NULL is fine */

/* header.claims.mac into out, NUL-terminated; its length, or 0: too long, OpenSSL
 * failed */
size_t signer_jwt(struct signer *s, const char *claims, size_t n, char *out, size_t size);

/* The MAC over n bytes of signing input is this one?  Constant time. */
bool signer_matches(struct signer *s, const char *input, size_t n,
                    const unsigned char mac[JWT_MAC_BYTES]);

/* Decoded length, or -1: not canonical base64url, or more than size. */
ptrdiff_t base64url_decode(const char *text, size_t n, void *out, size_t size);

#endif
