/* credential.h - time-limited TURN credentials, as coturn's use-auth-secret checks them.
 *
 * username = expiry in seconds since 1970, ":", lease id; credential = standard base64 of
 * HMAC-SHA1(shared secret, username).  (draft-uberti-behave-turn-rest-00, section 2.2)
 * One minter per worker: the key is set once, each credential starts from it anew.
 */
#ifndef ICE_TURN_CREDENTIAL_H
#define ICE_TURN_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#define CREDENTIAL_USER_BYTES 160
#define CREDENTIAL_PASS_BYTES 32 /* base64 of 20 bytes, and NUL */

struct credential {
  char username[CREDENTIAL_USER_BYTES], password[CREDENTIAL_PASS_BYTES];
};

struct minter;

struct minter *minter_new(const char *secret); /* NULL: OpenSSL refused or no memory */
void minter_free(struct minter *m);            /* NULL is fine */

/* false: the lease id is too long, or OpenSSL failed. */
bool minter_issue(struct minter *m, int64_t expires_s, const char *lease_id,
                  struct credential *ret);

#endif
