/* token.h - the two kinds of LiveKit access tokens that the gate issues.
 *
 * For clients: join and subscribe in one room, and nothing else.  For our own calls to
 * the SFU's API: room service as a whole, or administration of one room.  Claims as
 * LiveKit's server reads them: iss = API key, sub = identity, video = grants.
 * Stateless but for the signer; that worker's thread.
 */
#ifndef ROOM_LIVEKIT_TOKEN_H
#define ROOM_LIVEKIT_TOKEN_H

#include "jwt.h"

#define TOKEN_BYTES      4096
#define TOKEN_NAME_BYTES 256 /* a longer display name is cut, at a whole character */

struct token_viewer {
  const char *key, *room, *identity, *name;
  int64_t nbf_s, exp_s;
};

/* Length of the token in out, or 0: something in it is too long. */
size_t token_viewer(struct signer *s, const struct token_viewer *v,
                    char out[TOKEN_BYTES]);
/* room NULL: create, list and delete rooms; else: administrate that room */
size_t token_service(struct signer *s, const char *key, const char *room, int64_t now_s,
                     int64_t exp_s, char out[TOKEN_BYTES]);

/* s as the inside of a JSON string: s itself when nothing needs escaping, else buf; NULL
 * when buf is too small. */
const char *json_inside(const char *s, char *buf, size_t size);

#endif
