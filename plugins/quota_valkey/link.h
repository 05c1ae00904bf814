/* link.h - one worker's connection to Valkey: dialled, greeted, watched, redialled.
 *
 *   away      not connected: every command fails at once; redialled after a back-off
 *   dialling  its name (at most 5 s), then connection and greeting within one timeout.
 *             The first attempt after a start or a loss holds commands back, for one
 *             timeout; later ones fail them at once
 *   ready     commands go out as they come and are answered in order
 *
 * Commands under way are bounded.  Each has the same time to be answered; when the oldest
 * has had it the whole connection is given up, since answers come in order.
 * All on the worker's thread.
 */
#ifndef QUOTA_VALKEY_LINK_H
#define QUOTA_VALKEY_LINK_H

#include <hiredis/hiredis.h>
#include <openssl/ssl.h>

#include "camgate_plugin.h"
#include "url.h"
#include "wire.h"

struct link;

struct link_config {
  struct url url;
  SSL_CTX *tls; /* of a url with TLS */
  uint32_t timeout_ms, max_pending;
  bool load_functions, read_only;
  const char *no_key; /* greet.h */
};

/* code CGP_OK: reply is there and no error reply.  Otherwise words say why. */
struct link_answer {
  enum cgp_code code;
  const redisReply *reply;
  const char *words;
};
typedef void link_fn(void *arg, struct cgp_call call, const struct link_answer *a);

struct link *link_new(struct cgp_host *h, const struct link_config *config);
/* What answered last, "valkey" and "8.0.1"; "" when it did not say. */
const char *link_server(const struct link *l);
const char *link_version(const struct link *l);
void link_free(struct link *l); /* answers what is open first; NULL is fine */

/* fn runs exactly once, possibly before link_send returns. */
void link_send(struct link *l, const struct wire *w, link_fn *fn, void *arg,
               struct cgp_call call);

#endif
