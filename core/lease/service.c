#include "lease/service.h"

#include "base/mem.h"

struct cg_lease_metrics cg_lease_metrics_register(struct cg_metrics *m) {
  static const char *const outcomes[] = {"outcome=\"allow\"", "outcome=\"deny\"",
                                         "outcome=\"error\""};
  static const char *const ends[] = {"by=\"released\"", "by=\"expired\"",
                                     "by=\"revoked\"",  "by=\"preempted\"",
                                     "by=\"replaced\"", "by=\"room_closed\""};
  struct cg_lease_metrics ids;
  for (size_t i = 0; i < CG_COUNT(outcomes); i++)
    ids.decisions[i] = cg_metric(m, CG_COUNTER, "decisions_total", outcomes[i],
                                 "Answers to reserve, by outcome.");
  for (size_t i = 0; i < CG_COUNT(ends); i++)
    ids.ended[i] = cg_metric(m, CG_COUNTER, "leases_ended_total", ends[i],
                             "Leases ended, by cause.");
  ids.live = cg_metric(m, CG_GAUGE, "leases", "", "Leases that live now.");
  ids.joins = cg_metric(m, CG_COUNTER, "joins_total", "", "Joins that the SFU reported.");
  ids.missed_events =
      cg_metric(m, CG_COUNTER, "room_events_missed_total", "",
                "Joins and leaves that a list of a room told, and no event before it.");
  ids.stranger_events =
      cg_metric(m, CG_COUNTER, "room_events_of_strangers_total", "",
                "Room events about leases that no worker of this gate knows.");
  ids.lists = cg_metric(m, CG_COUNTER, "room_lists_total", "",
                        "Lists of a room's participants that were asked for.");
  ids.refused_tokens = cg_metric(m, CG_COUNTER, "refused_tokens_total", "",
                                 "Requests without a user token that holds.");
  ids.unrecorded = cg_metric(m, CG_GAUGE, "unrecorded_ends", "",
                             "Ended leases whose end the trail does not have yet.");
  ids.seconds = cg_metric(m, CG_HISTOGRAM, "grant_seconds", "",
                          "Time from request to answer of a grant.");
  ids.gaps = cg_metric(m, CG_COUNTER, "gaps_total", "",
                       "Times that a worker stood still for over a second.");
  ids.clock_steps = cg_metric(m, CG_COUNTER, "clock_steps_total", "",
                              "Times that the wall clock was set, by a second or more.");
  ids.jwks = cg_jwks_metrics_register(m);
  return ids;
}

struct cg_service *cg_service_home_of_subject(struct cg_service *g, const char *subject) {
  return g->peers[cg_home_of(subject) % g->n_workers];
}

struct cg_service *cg_service_home_of_lease(struct cg_service *g, const char *valid_id) {
  return g->peers[cg_id_home(valid_id) % g->n_workers];
}

/* ---- what policies ask for ---- */

struct question {
  void (*done)(void *arg, bool ok, uint64_t in_use, const char *text);
  void *arg;
};

static void used(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct question q = *(struct question *)arg;
  const struct cgp_quota_usage *u = result;
  cg_free(arg);
  q.done(q.arg, code == CGP_OK, code == CGP_OK ? u->in_use : 0, text);
}

void cg_service_usage(void *service, const char *scope,
                      void (*done)(void *arg, bool ok, uint64_t in_use, const char *text),
                      void *arg) {
  struct cg_service *g = service;
  struct question *q = cg_alloc(sizeof *q);
  if (!q) {
    done(arg, false, 0, "no memory");
    return;
  }
  *q = (struct question){.done = done, .arg = arg};
  cg_quota_usage(g->drivers, scope, used, q);
}
