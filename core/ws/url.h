/* url.h - the address of a WebSocket server (RFC 6455 section 3), taken apart.
 *
 * ws or wss, a host name, an IPv4 address or an IPv6 address in brackets, a port or the
 * scheme's own, a path and a query as they stand.  No user, no fragment, no byte that a
 * request line may not hold.  Pure; no ownership, any thread.
 */
#ifndef CG_WS_URL_H
#define CG_WS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define CG_WS_HOST_MAX   253  /* RFC 1035: of a name */
#define CG_WS_TARGET_MAX 4096 /* of path and query */

struct cg_ws_url {
  bool tls;
  bool is_address; /* host is no name: nothing is to be resolved */
  uint16_t port;
  char host[CG_WS_HOST_MAX + 1];              /* without brackets */
  char authority[CG_WS_HOST_MAX + 1 + 2 + 6]; /* as Host says it */
  char target[CG_WS_TARGET_MAX + 1];          /* from "/" on */
};

bool cg_ws_url_parse(const char *text, struct cg_ws_url *out,
                     struct cg_err *err) CG_MUST_USE;

#endif
