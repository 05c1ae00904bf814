/* Completes its calls on a thread of its own. */
#include "bad.h"

#include <pthread.h>

struct job {
  struct cgp_host *h;
  struct cgp_call call;
};

static void *complete(void *arg) {
  struct job *job = arg;
  job->h->done(job->h, job->call, &CGP_MAKE(cgp_ice_servers, NULL, 0));
  return NULL;
}

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct job job = {w, call};
  pthread_t thread;
  (void)req;
  if (pthread_create(&thread, NULL, complete, &job)) return;
  pthread_join(thread, NULL);
}

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    BAD_PLUGIN("other_thread"),
    .ice = BAD_ICE(issue),
};
