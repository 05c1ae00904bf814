/* jwks_source.h - an issuer's published keys, kept fresh from its URL.
 *
 * One per worker, on its loop: workers share nothing, so an issuer sees one fetch an
 * interval from each.  A fetch begins at the start, refresh_us after a good one, 30 s
 * after a failed one, and when a token names a kid that no key has; one is in flight at a
 * time, and least_us lie between two.  The URL is https, verified by the system's
 * authorities or ca_file, or http to this machine.  Only a reply of status 200 and at
 * most 256 KiB is read (jwks.h); anything else is a failure: the keys that were there
 * stay (stale), it is logged and counted (camgate_jwks_refreshes_total{outcome},
 * camgate_jwks_stale: workers with old keys).
 *
 * Nobody waits for a fetch: authentication is one synchronous step, and a token whose kid
 * is unknown is answered at once, "try again" (503) while a fetch is under way that may
 * bring its key, else 401.  The last 64 kids that no key had are remembered for a minute,
 * and begin no other fetch.  So a flood of invented kids costs the issuer no more than
 * one fetch a least_us, and callers nothing.
 */
#ifndef CG_AUTH_JWKS_SOURCE_H
#define CG_AUTH_JWKS_SOURCE_H

#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"

struct cg_jwks_conf {
  const char *url;     /* NULL: none */
  const char *ca_file; /* NULL: the system's authorities */
  int64_t refresh_us, least_us;
};

struct cg_jwks_metrics {
  int ok, failed, stale;
};
struct cg_jwks_metrics cg_jwks_metrics_register(struct cg_metrics *m);

struct cg_jwks_env {
  const struct cg_jwks_conf *conf;
  struct cg_auth *auth; /* is given the keys; outlives the source */
  struct cg_loop *loop;
  const struct cg_clock *clock;
  struct cg_log *log;         /* NULL: none */
  struct cg_metrics *metrics; /* NULL: none */
  const struct cg_jwks_metrics *metric;
  uint32_t worker;
  void (*first)(void *ctx); /* once, after the first fetch, well or not */
  void *ctx;
};

struct cg_jwks_source;

/* env is copied.  Loop's thread. */
struct cg_jwks_source *cg_jwks_source_start(const struct cg_jwks_env *env,
                                            struct cg_err *err) CG_MUST_USE;
void cg_jwks_source_free(struct cg_jwks_source *s); /* first is not called any more */

struct cg_jwks_state {
  bool stale;                /* the last fetch failed */
  int64_t age_s;             /* since the last good one; -1: there was none */
  size_t keys;               /* that it brought */
  char why[CG_ERR_TEXT_MAX]; /* the last failure; "" when fresh */
};
struct cg_jwks_state cg_jwks_source_state(const struct cg_jwks_source *s);

/* May keys be fetched from there?  false: in words. */
bool cg_jwks_url_ok(const char *url, struct cg_err *err) CG_MUST_USE;

#endif
