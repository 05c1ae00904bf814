/* bind.h - a TCP socket bound to a numeric address, ready to be listened on.
 *
 * Non-blocking, close-on-exec, TCP_NODELAY (accepted sockets inherit it); an IPv6 address
 * serves IPv6 alone.  The caller owns the descriptor.  Any thread.
 */
#ifndef CG_HTTP_BIND_H
#define CG_HTTP_BIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* address: "127.0.0.1", "::1", "0.0.0.0"; port 0: any.  -1: *err says why. */
int cg_bind(const char *address, uint16_t port, bool reuseport,
            struct cg_err *err) CG_MUST_USE;
uint16_t cg_bound_port(int fd); /* 0: it is bound to none */

#endif
