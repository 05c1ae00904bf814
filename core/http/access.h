/* access.h - who may use a listener, and which address a request's client has.
 *
 * The peer is the other end of the TCP connection.  The client of a request is the peer,
 * too, unless the peer is in `proxies`: then the client is the rightmost entry of
 * X-Forwarded-For that is not in `proxies`, and the leftmost entry when all of them are.
 * What stands left of that entry the client may have written itself; nobody reads it.  An
 * entry that is no address, or more than 32 proxies in a row, make the peer the client.
 * Forwarded (RFC 7239) is not read: the proxy does not write it, so the client may.
 *
 * `deny` wins over `allow`; an empty `allow` admits everybody.  A peer that is refused is
 * closed at the accept, a client that is refused is answered 403.  Bounds of connections
 * (peers.h) count peers; audit rows (client_addr), policies (subject.ip) and budgets of
 * wrong signatures name clients.  Immutable, any thread.
 */
#ifndef CG_HTTP_ACCESS_H
#define CG_HTTP_ACCESS_H

#include "base/addr.h"
#include "http/message.h"

struct cg_access {
  struct cg_nets allow, deny, proxies;
};

/* May this peer connect?  One in `proxies` may always. */
bool cg_access_accepts(const struct cg_access *a, const struct cg_addr *peer);
/* May this client ask? */
bool cg_access_admits(const struct cg_access *a, const struct cg_addr *client);
/* The client of this message, which came from peer; bytes are its text. */
struct cg_addr cg_access_client(const struct cg_access *a, const struct cg_addr *peer,
                                const struct cg_message *m, const char *bytes);

#endif
