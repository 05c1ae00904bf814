/* dialer.h - what all outgoing WebSockets of one worker share: names and certificates.
 *
 * Names are resolved by libevent's evdns on the worker's loop, from the hosts file and
 * the nameservers of resolv.conf as they are at each dial: no thread waits for
 * getaddrinfo, and a question can be cancelled.  What glibc would ask beside them (NSS
 * modules such as mDNS) is not asked.  TLS 1.2 and 1.3, certificates verified against
 * one authority or the system's.  Worker's thread.
 */
#ifndef CG_WS_DIALER_H
#define CG_WS_DIALER_H

#include "base/err.h"
#include "base/loop.h"

struct cg_ws_dialer_conf {
  struct cg_loop *loop;
  const char *ca;          /* file of PEM; NULL: the system's authorities */
  const char *resolv_conf; /* NULL: /etc/resolv.conf; outlives the dialer, as hosts */
  const char *hosts;       /* NULL: /etc/hosts */
};

struct cg_ws_dialer;

/* NULL: refused in words. */
struct cg_ws_dialer *cg_ws_dialer_new(const struct cg_ws_dialer_conf *conf,
                                      struct cg_err *err) CG_MUST_USE;
/* Its dials are over or cancelled, a turn of the loop ago; NULL is fine. */
void cg_ws_dialer_free(struct cg_ws_dialer *d);

/* ---- for ws/ ---- */

struct evdns_base;

struct cg_loop *cg_ws_dialer_loop(const struct cg_ws_dialer *d);
/* With the names' files as they are now. */
struct evdns_base *cg_ws_dialer_names(struct cg_ws_dialer *d);
/* An SSL * that verifies the server's certificate against its name, or its address;
 * NULL: no memory. */
void *cg_ws_dialer_tls(const struct cg_ws_dialer *d, const char *host,
                       bool is_address) CG_MUST_USE;

#endif
