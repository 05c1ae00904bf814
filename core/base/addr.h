/* addr.h - addresses of hosts, and networks they are in.
 *
 * An address is 16 bytes: IPv6 as it is, IPv4 in its mapped form (::ffff:a.b.c.d).  So a
 * host that comes as 192.0.2.1 and one that comes as ::ffff:192.0.2.1 are the same one,
 * and a rule about IPv4 holds for both.  A network of IPv6 holds no IPv4 address, not
 * even ::/0.  Text is read strictly: no zones, no ports, no brackets, no leading zeros.
 * No allocation, no ownership, any thread.
 */
#ifndef CG_BASE_ADDR_H
#define CG_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

#define CG_ADDR_TEXT 48

struct cg_addr {
  unsigned char bytes[16];
};

struct cg_net {
  struct cg_addr addr; /* bits beyond the prefix are zero */
  unsigned bits;       /* of the 16 bytes: an IPv4 /8 is 104 */
};

struct cg_nets {
  const struct cg_net *items;
  size_t n;
};

/* text need not be terminated. */
bool cg_addr_parse(const char *text, size_t n, struct cg_addr *ret) CG_MUST_USE;
/* Of a socket; any other family: all zero. */
struct cg_addr cg_addr_of(const struct sockaddr *sa);
/* For a socket: the family of IPv4 for an IPv4 address, mapped or not; its length. */
socklen_t cg_addr_socket(const struct cg_addr *a, uint16_t port,
                         struct sockaddr_storage *out);
bool cg_addr_is_v4(const struct cg_addr *a);
/* IPv4 in dots, mapped or not. */
void cg_addr_text(const struct cg_addr *a, char out[CG_ADDR_TEXT]);

/* What one client has: an IPv4 address whole, of IPv6 the /64 that it numbers freely. */
uint64_t cg_addr_client(const struct cg_addr *a);

/* "10.0.0.0/8", "2001:db8::/32", or an address alone.  false: refused in words. */
bool cg_net_parse(const char *text, struct cg_net *ret, struct cg_err *err) CG_MUST_USE;
bool cg_nets_hold(const struct cg_nets *nets, const struct cg_addr *a); /* any of them */

#endif
