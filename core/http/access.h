/* access.h - who may use a listener, and who the client of a request is.
 *
 * The client is the TCP peer, but when the peer is a trusted proxy: then it is the
 * rightmost entry of X-Forwarded-For that is no trusted proxy itself (when all are, the
 * leftmost one).  Entries left of it are the client's own words and are never looked at.
 * An entry that is no address, or more than 32 proxies in a row, make it the peer.
 * Forwarded (RFC 7239) is not read: a header that the proxy does not write is the
 * client's to forge.
 *
 *   TCP peer   bounds of connections (peers.h), refusals of the framing guard, its own
 *              allow and deny unless it is a trusted proxy: closed at the accept
 *   client     allow and deny: 403; client_addr of audit rows, subject.ip of policies,
 *              budgets of wrong signatures
 *
 * deny wins; an empty allow admits everybody.  Immutable, any thread.
 */
#ifndef CG_HTTP_ACCESS_H
#define CG_HTTP_ACCESS_H

#include "base/addr.h"
#include "http/message.h"

struct cg_access {
  struct cg_nets allow, deny, proxies;
};

/* The TCP peer, before a byte is read. */
bool cg_access_accepts(const struct cg_access *a, const struct cg_addr *peer);
bool cg_access_admits(const struct cg_access *a, const struct cg_addr *client);
/* Who sent this message, which came from peer. */
struct cg_addr cg_access_client(const struct cg_access *a, const struct cg_addr *peer,
                                const struct cg_message *m, const char *bytes);

#endif
