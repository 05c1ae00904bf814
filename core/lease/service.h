/* service.h - one worker's grant service: what every grant on that worker works with.
 *
 * Made by the worker before its loop runs, freed after it has stopped.  `peers` are all
 * workers' services in order; a grant travels to the home of its subject (id.h) as mail
 * to that peer's loop, and travels back to be answered.  Nothing else is shared.
 */
#ifndef CG_LEASE_SERVICE_H
#define CG_LEASE_SERVICE_H

#include <stdatomic.h>

#include "auth/jwks_source.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "lease/lease.h"
#include "plugin/drivers.h"
#include "policy/policy.h"

/* From the configuration; the same for all workers, immutable. */
struct cg_lease_conf {
  struct cg_tiers tiers;
  int64_t beat_s;      /* a client is told to beat this often */
  int64_t lapse_s;     /* a lease is over this long after its last beat */
  int64_t lease_s;     /* hard end when neither policy nor caller says another */
  int64_t token_s;     /* tokens live so long, never longer than the lease */
  int64_t leases_max;  /* live leases of one worker */
  int64_t arena_bytes; /* of one grant */
};

/* Metrics, registered once before the workers run. */
struct cg_lease_metrics {
  int decisions[3]; /* allow, deny, error */
  int ended[6];     /* by enum cg_ended_by */
  int live, joins, refused_tokens, unrecorded, seconds, gaps, clock_steps;
  int missed_events, stranger_events, lists; /* of rooms */
  struct cg_jwks_metrics jwks;
};
struct cg_lease_metrics cg_lease_metrics_register(struct cg_metrics *m);

struct cg_service {
  const struct cg_lease_conf *conf;
  const struct cg_lease_metrics *metric;
  struct cg_loop *loop;
  struct cg_log *log;
  struct cg_metrics *metrics;
  const struct cg_clock *clock;
  struct cg_teller *teller; /* the gate's */
  struct cg_drivers *drivers;
  struct cg_auth *auth;
  struct cg_jwks_source *jwks; /* NULL: no keys are fetched */
  struct cg_arena_pool *pool;
  struct cg_policy *policy; /* replaced on reload; a decision holds its own reference */
  struct cg_leases *leases;
  struct cg_id_maker ids;
  struct cg_service *const *peers;
  uint32_t worker, n_workers;

  uint32_t in_flight;                 /* grants that began here and have no answer yet */
  struct cg_endings *endings;         /* end.c: rows that are not yet recorded */
  struct cg_clock_watch *clock_watch; /* NULL: another worker has it */
  struct cg_gaps *gaps;               /* gap.c: the worker stood still */
  _Atomic int64_t gap_nearby_us; /* a peer stood still so long, and here is to be done */
  atomic_bool regaining;         /* its quota, behind a gap; peers look at it */
  struct cg_presence *presence;  /* presence.c: what the SFU tells */
  struct cg_rooms *rooms;        /* rooms.c: where the viewers are */
  struct cg_list news;           /* news.c: on their way here */
  size_t n_news;
  struct cg_tally *tally; /* tally.c: refused credentials, counted */
  struct cg_timer sweep;  /* of the quota */
  bool sweeping;
};

/* How much of a scope is in use, for struct cg_policy_env.  done runs once, now or
 * later. */
void cg_service_usage(void *service, const char *scope,
                      void (*done)(void *arg, bool ok, uint64_t in_use, const char *text),
                      void *arg);

/* The worker where all leases of this subject, or this lease, live. */
struct cg_service *cg_service_home_of_subject(struct cg_service *g, const char *subject);
struct cg_service *cg_service_home_of_lease(struct cg_service *g, const char *valid_id);

/* Its worker has stopped: mail that still comes is told so, not served. */
static inline bool cg_service_closed(const struct cg_service *g) {
  return !g->leases;
}

/* The rule of clock.h: what is compared is mono, what is told is wall. */
static inline int64_t cg_service_mono(const struct cg_service *g) {
  return g->clock->mono_us(g->clock);
}

static inline int64_t cg_service_wall(const struct cg_service *g) {
  return g->clock->wall_us(g->clock);
}

static inline int64_t cg_service_tell(const struct cg_service *g, int64_t mono_us) {
  return cg_tell(g->teller, mono_us);
}

#endif
