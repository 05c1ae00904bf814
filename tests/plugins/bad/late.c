/* Completes a call a while after its deadline. */
#include "bad.h"

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, "ms", CGP_OPT_INT, 1, 60000, "90", "How long after it began."),
};

struct job {
  struct cgp_host *h;
  struct cgp_call call;
};

static void complete(void *arg) {
  struct job *job = arg;
  job->h->done(job->h, job->call, &CGP_MAKE(cgp_ice_servers, NULL, 0));
}

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  (void)req;
  struct job *job = h->call_alloc(h, call, sizeof *job);
  if (!job) return;
  *job = (struct job){h, call};
  if (!h->timer(h, (uint32_t)h->conf_int(h, "ms"), complete, job))
    h->fail(h, call, CGP_E_BUSY, "no timer");
}

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    BAD_PLUGIN("late"),
    .options = options,
    .n_options = 1,
    .ice = BAD_ICE(issue),
};
