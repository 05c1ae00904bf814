/* webhook.h - a webhook of LiveKit: is it authentic, and what does it say.
 *
 * Authorization holds a JWT signed with an API key's secret; its claim `sha256` is the
 * standard base64 of the body's SHA-256.  The signature is checked over the raw bytes and
 * as HS256 only, before anything is parsed: what a forger writes into the header or the
 * claims is never read.  Bodies are protobuf's JSON mapping of livekit.WebhookEvent.
 */
#ifndef ROOM_LIVEKIT_WEBHOOK_H
#define ROOM_LIVEKIT_WEBHOOK_H

#include <jansson.h>

#include "camgate_plugin.h"
#include "jwt.h"

#define WEBHOOK_BYTES    (64 * 1024)
#define WEBHOOK_LEEWAY_S 60

/* NULL: authentic; else why not, in constant words.  Any thread that owns s. */
const char *webhook_refusal(struct signer *s, const char *key, const char *authorization,
                            const char *body, size_t n, int64_t now_s);

enum webhook_kind {
  WEBHOOK_NONSENSE, /* not an event: no JSON object, or what its type needs is missing */
  WEBHOOK_UNKNOWN,  /* an event type of another version */
  WEBHOOK_IGNORED,  /* ingress and egress: not the gate's */
  WEBHOOK_EVENT,
};

/* id: "" when there is none.  Strings point into doc, which the caller frees. */
struct webhook {
  enum webhook_kind kind;
  struct cgp_room_event event;
  const char *id;
  bool lost; /* the SFU dropped events before this one */
  json_t *doc;
};

struct webhook webhook_parse(const char *body, size_t n, int64_t now_us);

#endif
