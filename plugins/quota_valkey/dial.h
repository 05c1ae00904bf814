/* dial.h - from a URL to an open connection: its name, its addresses, TLS.
 *
 * A name is asked for at each dial (libevent's evdns, which never blocks the loop), of
 * the hosts file and the nameservers as they are then.  Its addresses are tried one after
 * another, whatever their family, each for its share of the time.  Worker's thread.
 */
#ifndef QUOTA_VALKEY_DIAL_H
#define QUOTA_VALKEY_DIAL_H

#include <event2/bufferevent.h>
#include <openssl/ssl.h>

#include "camgate_plugin.h"
#include "url.h"

struct dial;

struct dial_config {
  const struct url *url;
  SSL_CTX *tls; /* of a url with TLS */
  /* Once for each dial, never within dial_begin: an open connection, its callbacks
   * unset, which the callee has from now on; or NULL, and words. */
  void (*done)(void *arg, struct bufferevent *bev, const char *words);
  void *arg;
};

struct dial *dial_new(struct cgp_host *h, const struct dial_config *config);
void dial_free(struct dial *d); /* NULL is fine */

/* name_ms: for the name; connect_ms: for all addresses, from when they are known. */
void dial_begin(struct dial *d, uint32_t name_ms, uint32_t connect_ms);
void dial_cancel(struct dial *d);          /* done is not called */
bool dial_asks_name(const struct dial *d); /* its addresses are not known yet */

#endif
