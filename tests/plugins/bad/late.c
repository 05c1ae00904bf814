/* Completes a call a while after its deadline (the test gives it 30 ms). */
#include "bad.h"

struct job {
  struct cgp_host *h;
  struct cgp_call call;
};

static void complete(void *arg) {
  struct job *job = arg;
  job->h->done(job->h, job->call, &(struct cgp_ice_servers){NULL, 0});
}

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  (void)req;
  struct job *job = h->call_alloc(h, call, sizeof *job);
  if (!job) return;
  *job = (struct job){h, call};
  if (!h->timer(h, 90, complete, job)) h->fail(h, call, CGP_E_BUSY, "no timer");
}

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    BAD_PLUGIN("late"),
    .ice = BAD_ICE(issue),
};
