/* LiveKit's webhooks: the claims of a token that is truly signed, and bodies.
 *
 * First byte even: the rest is claims, signed here, for a body of one letter.  Odd: the
 * rest is a body. */
#include <stdint.h>
#include <stdio.h>

#include "../../plugins/room_livekit/jwt.c"
#undef TOKEN_MAX
#include "../../plugins/room_livekit/webhook.c"

#include "base/check.h"

static void read_claims(const char *claims, size_t n) {
  char token[8192], header[8300];
  static struct signer *signer;
  if (!signer) signer = signer_new("a secret of thirty-two characters");
  if (!signer_jwt(signer, claims, n, token, sizeof token)) return;
  snprintf(header, sizeof header, "Bearer %s", token);
  const char *why = webhook_refusal(signer, "key", header, "x", 1, 1767225600);
  CG_CHECK(!why || why[0]);
}

static void read_body(const char *body, size_t n) {
  struct webhook w = webhook_parse(body, n, INT64_C(1767225600000000));
  CG_CHECK(w.id && (w.kind != WEBHOOK_EVENT || w.doc));
  json_decref(w.doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  if (data[0] % 2)
    read_body((const char *)data + 1, size - 1);
  else
    read_claims((const char *)data + 1, size - 1);
  return 0;
}
