/* sfu.h - what stands in for LiveKit: an HTTP server that answers as told, and tokens.
 *
 * The server runs on a loop of the harness, so nothing happens in it but while the test
 * turns the loops.  Tokens are computed here with OpenSSL's one-shot HMAC and jansson, on
 * purpose by other code than the plugin's.  Functions assert through cmocka.
 */
#ifndef TESTS_PLUGINS_SFU_H
#define TESTS_PLUGINS_SFU_H

#include <jansson.h>

#include "harness.h"

#define SFU_KEY    "devkey"
#define SFU_SECRET "0123456789abcdef0123456789abcdef"

/* hits: requests so far; the rest is of the newest. */
struct sfu {
  struct evhttp *http;
  uint16_t port;
  int hits;
  char path[128], authorization[2048], traceparent[64], body[4096];
  /* what to answer: status and text; text NULL: CreateRoom's own answer, the room's name
   * out of the request.  hold: do not answer, keep in `held` */
  int status;
  const char *text;
  bool hold;
  struct evhttp_request *held;
};

/* Listens on a free loopback port.  The options for the plugin go to options. */
void sfu_listen(struct sfu *s, char *options, size_t size, const char *more);
void sfu_serve(struct sfu *s, struct harness *h); /* after the harness is open */
void sfu_answer_held(struct sfu *s);
void sfu_close(struct sfu *s); /* before harness_close */

/* HS256 over any header and claims; free() it. */
char *sfu_sign(const char *header, const char *claims, const char *secret);
/* The claims of a token whose signature holds, or the test fails.  json_decref it. */
json_t *sfu_claims(const char *token, const char *secret);
/* The Authorization header line of a webhook with that body; free() it. */
char *sfu_webhook_header(const char *body, int64_t now_s);

#endif
