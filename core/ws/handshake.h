/* handshake.h - an exchange becomes a WebSocket (RFC 6455 section 4.2).
 *
 * A handler first has cg_ws_asked look at the request; then it decides what is its own
 * matter, now or later: who asks, from which Origin (cg_exchange_header: CORS does not
 * hold for WebSockets), which subprotocol; then it accepts, or answers like any other
 * exchange.  Strict: GET, HTTP/1.1 on a connection that stays, Upgrade and Connection,
 * one key of 16 bytes, version 13, no extensions, subprotocols that are tokens.  Worker's
 * thread.
 */
#ifndef CG_WS_HANDSHAKE_H
#define CG_WS_HANDSHAKE_H

#include "http/exchange.h"
#include "ws/ws.h"

#define CG_WS_KEY    24 /* characters, of base64 */
#define CG_WS_ACCEPT 28

/* False: it is no proper opening, and x was answered: 400; 426 with Upgrade and the
 * version that is spoken here; 503 when the gate drains. */
bool cg_ws_asked(struct cg_exchange *x) CG_MUST_USE;

/* The nth subprotocol that the client offers, its favourite first; NULL: so many are not
 * there.  In x's arena; of a proper opening. */
const char *cg_ws_offered(struct cg_exchange *x, size_t nth);

/* Of a proper opening; x is gone afterwards.  protocol: one of those offered; NULL: none.
 * NULL: x was answered 503, or the client left; conf.events will not be called.  When the
 * gate drains, the socket is closed with 1001 by itself. */
struct cg_ws *cg_ws_accept(struct cg_exchange *x, const char *protocol,
                           const struct cg_ws_conf *conf);

/* What a server says to a client's key (4.2.2), NUL-terminated. */
void cg_ws_accept_key(const char key[CG_WS_KEY], char out[CG_WS_ACCEPT + 1]);

#endif
