/* Completes each call twice. */
#include "bad.h"

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  (void)req;
  h->done(h, call, &CGP_MAKE(cgp_ice_servers, NULL, 0));
  h->fail(h, call, CGP_E_INTERNAL, "and again");
}

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    BAD_PLUGIN("twice"),
    .ice = BAD_ICE(issue),
};
