/* conns.h - all connections of one listener: how many there may be, and what befalls them
 * together.
 *
 * Over the bounds, of all and of one address, a connection is accepted to be told 503, or
 * closed when too many are told so already.  Worker's thread.
 */
#ifndef CG_HTTP_CONNS_H
#define CG_HTTP_CONNS_H

#include "base/loop.h"
#include "http/conn.h"

/* The first part of all is filled. */
bool cg_conns_init(struct cg_conns *all, struct cg_loop *loop) CG_MUST_USE;
void cg_conns_close(struct cg_conns *all); /* closes and frees all, now */

/* From evhtp's post-accept callback.  False: evhtp shall close the connection. */
bool cg_conns_accept(struct cg_conns *all, struct evhtp_connection *evhtp,
                     const struct cg_addr *peer);

void cg_conns_sweep(struct cg_conns *all); /* ends what is late */
/* Closes the idle, and tells the owners of the taken; listener->draining is set. */
void cg_conns_drain(struct cg_conns *all);

#endif
