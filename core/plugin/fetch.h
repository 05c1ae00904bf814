/* fetch.h - outgoing HTTP: libcurl's multi interface on the worker's loop.
 *
 * Keep-alive, TLS verified, no redirects, http and https only, no proxy from the
 * environment, NOSIGNAL, resolver in curl's own thread; a name is asked for again by each
 * new connection, and all of its addresses are tried.  Bounds: replies to max_reply,
 * 256 transfers in flight per worker (the next fail at once as busy), 8 connections per
 * host.  The callback runs exactly once, never inside cg_fetch itself (but when there is
 * no memory even to note the failure).  Worker's thread.
 */
#ifndef CG_PLUGIN_FETCH_H
#define CG_PLUGIN_FETCH_H

#include "../../plugins/camgate_plugin.h"
#include "base/loop.h"

struct cg_fetcher;

struct cg_fetcher *cg_fetcher_new(struct cg_loop *loop);
/* Whom a fetcher's TLS connections believe, and what they show.  Paths of PEM files. */
struct cg_fetch_trust {
  const char *ca_file; /* instead of the system's authorities; NULL: those */
  const char *pin;     /* "sha256//...": the server's public key, which then is all that
                        * counts: neither name nor authority; NULL: they count */
  const char *cert, *key; /* the client's own; NULL: none */
};
/* For transfers from now on.  trust outlives the fetcher. */
void cg_fetcher_trust(struct cg_fetcher *f, const struct cg_fetch_trust *trust);

/* Transfers in flight end CGP_E_UNAVAILABLE, and so does every later one. */
void cg_fetcher_close(struct cg_fetcher *f);
void cg_fetcher_free(struct cg_fetcher *f); /* closes first; NULL is fine */

void cg_fetch(struct cg_fetcher *f, const struct cgp_fetch *req,
              void (*fn)(void *arg, const struct cgp_fetched *got), void *arg);

#endif
