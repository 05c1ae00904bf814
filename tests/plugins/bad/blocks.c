/* Holds its worker for longer than an op may. */
#include "bad.h"

#include <poll.h>

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  (void)req;
  poll(NULL, 0, 150);
  h->done(h, call, &(struct cgp_ice_servers){NULL, 0});
}

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    BAD_PLUGIN("blocks"),
    .ice = BAD_ICE(issue),
};
