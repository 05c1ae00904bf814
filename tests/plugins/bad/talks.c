/* Sound but talkative: lines for every credential, by a format of its own words, by one
 * that has none, and with bytes that no line should hold. */
#include "bad.h"

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  char text[64];
  h->log(h, CGP_WARN, "no relay for %s", req->lease_id);
  snprintf(text, sizeof text, "relay %s is away", req->lease_id);
  h->log(h, CGP_WARN, "%s", text);
  h->log(h, CGP_WARN, "%s", "one message");
  h->log(h, CGP_WARN, "%s", "another message");
  h->log(h, CGP_ERROR, "bytes: %s", "\x1b[2J\x7f\xc2\x9b\xff\n\"");
  h->log(h, CGP_INFO, "long: %02000d", 7);
  h->log(h, (enum cgp_level)77, "no such level");
  h->done(h, call, &CGP_MAKE(cgp_ice_servers, NULL, 0));
}

CGP_EXPORT const struct cgp_plugin camgate_plugin = {BAD_PLUGIN("talks"),
                                                     .ice = BAD_ICE(issue)};
