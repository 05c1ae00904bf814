/* url.h - where a Valkey is: "redis://[user:pass@]host:port/db" or "unix:///path?db=n".
 *
 * valkey:// means the same as redis://; rediss:// and valkeys:// mean TLS.  User,
 * password and host may be percent-encoded; port and database may be left out (6379, 0);
 * an IPv6 address stands in brackets.
 */
#ifndef QUOTA_VALKEY_URL_H
#define QUOTA_VALKEY_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct url {
  char host[256]; /* "" for a socket */
  uint16_t port;
  bool tls;
  char path[108]; /* of the socket, "" for TCP */
  uint32_t db;
  char user[128], password[512]; /* "" = none */
  char shown[300];               /* host:port or path: what logs may say */
};

/* NULL, or what is wrong with the text, in words that do not repeat it. */
const char *url_parse(const char *text, struct url *ret);

#endif
