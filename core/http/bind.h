/* bind.h - where a listener listens: its addresses, and a set of sockets a worker.
 *
 * A listener has one port and one address or several.  `::` alone serves both families;
 * beside an IPv4 address it serves IPv6.  A name stands for all of its addresses that
 * this host has, as they are when the gate starts.
 *
 * The port is this gate's own.  The first set is bound and made to listen without
 * SO_REUSEPORT; only then is that set on it, so that further sets, which ask for it,
 * may join: the kernel spreads connections over them by a hash.  Another gate's first
 * set does not ask for it and is refused, when it is bound or, if both were bound at the
 * same moment, when it listens.
 *
 * Sockets are non-blocking, close-on-exec and TCP_NODELAY, which accepted ones inherit.
 * Main thread; whoever has a set closes it.
 */
#ifndef CG_HTTP_BIND_H
#define CG_HTTP_BIND_H

#include "base/addr.h"
#include "base/schema.h"

#define CG_ADDRESSES_MAX 16
#define CG_BACKLOG       1024

struct cg_addresses {
  struct cg_addr items[CG_ADDRESSES_MAX];
  uint32_t n;
};

/* Of addresses and names: each once, and none that a wildcard of its family covers.
 * false: one is no address of this host, a name has none, or the port is not to be had (a
 * port that is taken is no fault here).  Blocks while names are looked up. */
bool cg_addresses_find(const struct cg_strings *names, uint16_t port,
                       struct cg_addresses *out, struct cg_err *err) CG_MUST_USE;

/* Does another process serve the port there?  true: in words.  Holds nothing. */
bool cg_addresses_taken(const struct cg_addresses *where, uint16_t port,
                        struct cg_err *ret_words) CG_MUST_USE;

/* A socket for each address.  All zero: none. */
struct cg_sockets {
  int fds[CG_ADDRESSES_MAX];
  uint32_t n;
  uint16_t port; /* the same for all */
};

/* The first set, bound to what cg_addresses_find finds; port 0: any.  false: taken, or
 * none can be had, in words. */
bool cg_sockets_open(const struct cg_strings *names, uint16_t port,
                     struct cg_sockets *out, struct cg_err *err) CG_MUST_USE;
/* It listens; others may join. */
bool cg_sockets_listen(const struct cg_sockets *first, struct cg_err *err) CG_MUST_USE;
/* A further set beside it, listening. */
bool cg_sockets_join(const struct cg_sockets *first, struct cg_sockets *out,
                     struct cg_err *err) CG_MUST_USE;
void cg_sockets_close(struct cg_sockets *s);

#endif
