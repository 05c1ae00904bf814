/* peers.h - how many connections each client address holds.
 *
 * A fixed table with room for twice the connections of its server, so it never grows and
 * never fails.  IPv6 counts by /64, which is what one client can number freely; IPv4 and
 * IPv4-mapped addresses count whole.  One thread.
 */
#ifndef CG_HTTP_PEERS_H
#define CG_HTTP_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct cg_peers;

#define CG_ADDRESS_TEXT 48

struct cg_peers *cg_peers_new(uint32_t connections); /* NULL: no memory */
void cg_peers_free(struct cg_peers *p);

uint64_t cg_peer_key(const struct sockaddr *sa);
void cg_peer_text(const struct sockaddr *sa, char out[CG_ADDRESS_TEXT]);

/* -> the count with this one; 0: the table is full. */
uint32_t cg_peers_add(struct cg_peers *p, uint64_t key);
void cg_peers_drop(struct cg_peers *p, uint64_t key);

#endif
