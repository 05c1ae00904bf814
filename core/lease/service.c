#include "lease/service.h"

#include "base/mem.h"
#include "lease/end.h"
#include "lease/tally.h"

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
  ids.refused_tokens = cg_metric(m, CG_COUNTER, "refused_tokens_total", "",
                                 "Requests without a user token that holds.");
  ids.unrecorded = cg_metric(m, CG_GAUGE, "unrecorded_ends", "",
                             "Ended leases whose end the trail does not have yet.");
  ids.seconds = cg_metric(m, CG_HISTOGRAM, "grant_seconds", "",
                          "Time from request to answer of a grant.");
  ids.jwks = cg_jwks_metrics_register(m);
  return ids;
}

bool cg_service_open(struct cg_service *g, struct cg_err *err) {
  g->leases = cg_leases_new((size_t)g->conf->leases_max);
  g->endings = cg_endings_new();
  g->tally = cg_tally_new(g);
  if (g->leases && g->endings && g->tally) return true;
  cg_service_close(g);
  return cg_fail(err, CG_E_MEMORY, "no memory for the lease table");
}

void cg_service_close(struct cg_service *g) {
  cg_tally_free(g->tally);
  cg_endings_free(g->endings);
  cg_leases_free(g->leases);
  g->tally = NULL;
  g->endings = NULL;
  g->leases = NULL;
}

struct cg_service *cg_service_home_of_subject(struct cg_service *g, const char *subject) {
  return g->peers[cg_home_of(subject) % g->n_workers];
}

struct cg_service *cg_service_home_of_lease(struct cg_service *g, const char *valid_id) {
  return g->peers[cg_id_home(valid_id) % g->n_workers];
}
