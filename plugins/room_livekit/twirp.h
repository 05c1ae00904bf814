/* twirp.h - LiveKit's RoomService over the host's HTTP client, one client per worker.
 *
 * Requests are POST /twirp/livekit.RoomService/METHOD with JSON both ways
 * (twitchtv/twirp, wire protocol v7).  The service token is kept for minutes; tokens that
 * name a room are made anew each time.  An answer is success only when it is status 200
 * with a whole JSON object; everything else becomes a code and words naming peer, method,
 * status and cause.  The callback runs once, later than twirp_call returns; not at all
 * after twirp_free.
 */
#ifndef ROOM_LIVEKIT_TWIRP_H
#define ROOM_LIVEKIT_TWIRP_H

#include <jansson.h>

#include "camgate_plugin.h"
#include "token.h"

struct twirp_config {
  const char *base;      /* http(s)://host:port, no slash at the end, no user in it */
  const char *key;       /* API key's name */
  struct signer *signer; /* its secret; outlives the client */
  uint32_t timeout_ms;
  int sent, failed; /* metrics */
};

struct twirp_answer {
  enum cgp_code code;
  bool not_found;     /* the SFU itself says that room or participant is not there */
  const json_t *body; /* code CGP_OK: an object, valid inside the callback */
  const char *text;   /* else: words */
};

typedef void twirp_fn(void *arg, const struct twirp_answer *a);

struct twirp;

struct twirp *twirp_new(struct cgp_host *h, const struct twirp_config *config);
/* Forgets every callback; what is in flight ends by itself. */
void twirp_free(struct twirp *t);

/* call: on whose behalf.  room: whom the token administrates, NULL for the service as a
 * whole.  body: JSON, copied.  false: no memory, or a name too long; fn will not run. */
bool twirp_call(struct twirp *t, struct cgp_call call, const char *method,
                const char *room, const char *body, twirp_fn *fn, void *arg);

#endif
