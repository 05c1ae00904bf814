/* peers.h - how many connections each client address holds.
 *
 * A fixed table with room for twice the connections of its server, so it never grows and
 * never fails.  Keys are cg_addr_client's: IPv4 counts whole, IPv6 by /64.  One thread.
 */
#ifndef CG_HTTP_PEERS_H
#define CG_HTTP_PEERS_H

#include <stdbool.h>
#include <stdint.h>

struct cg_peers;

struct cg_peers *cg_peers_new(uint32_t connections); /* NULL: no memory */
void cg_peers_free(struct cg_peers *p);

/* -> the count with this one; 0: the table is full. */
uint32_t cg_peers_add(struct cg_peers *p, uint64_t key);
void cg_peers_drop(struct cg_peers *p, uint64_t key);

#endif
