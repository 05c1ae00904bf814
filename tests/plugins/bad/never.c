/* Never completes a call. */
#include "bad.h"

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  (void)req;
  (void)h->call_alloc(h, call, 100);
}

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    BAD_PLUGIN("never"),
    .ice = BAD_ICE(issue),
};
