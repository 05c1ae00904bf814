/* dial.h - an outgoing WebSocket, from its URL to its first message.
 *
 * A dial resolves the name, tries its addresses one after another, whatever their family,
 * each for its share of the time that is left, speaks TLS when the URL says wss, and the
 * opening handshake (RFC 6455 4.1).  What comes of it is told once.  Nothing of it waits
 * on the loop.  A server that answers, but not with 101, ends the dial: other addresses
 * of the same name are for connections that fail.  Worker's thread.
 */
#ifndef CG_WS_DIAL_H
#define CG_WS_DIAL_H

#include "http/reply.h"
#include "ws/dialer.h"
#include "ws/response.h"
#include "ws/ws.h"

struct cg_ws_dial_conf {
  const char *url;                 /* url.h */
  const char *protocols;           /* offered, separated by ", "; NULL: none */
  const struct cg_header *headers; /* more fields, such as Authorization */
  size_t n_headers;
  int64_t timeout_us; /* for all of it */
  struct cg_ws_conf ws;
  /* Once, never from within cg_ws_dial; the dial is gone.  ws: open, with the chosen
   * protocol, "" for none; or NULL, and err says why. */
  void (*done)(void *arg, struct cg_ws *ws, const char *protocol,
               const struct cg_err *err);
  void *arg;
};

struct cg_ws_dial;

/* Copies what it needs of conf.  NULL, and done will not be called: CG_E_MALFORMED, the
 * URL; CG_E_INVALID, a field that cannot be sent; CG_E_UNAVAILABLE, no random bytes;
 * CG_E_MEMORY.  done may be told of CG_E_TIMEOUT, CG_E_UNAVAILABLE or CG_E_MEMORY. */
struct cg_ws_dial *cg_ws_dial(struct cg_ws_dialer *dialer,
                              const struct cg_ws_dial_conf *conf,
                              struct cg_err *err) CG_MUST_USE;
void cg_ws_dial_cancel(struct cg_ws_dial *d); /* done will not be called */

#endif
