/* Holds its worker for longer than an op may, `times` times. */
#include "bad.h"

#include <poll.h>
#include <stdatomic.h>

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, "ms", CGP_OPT_INT, 1, 60000, "150", "How long."),
    CGP_INIT(cgp_option, "times", CGP_OPT_INT, 1, 1000, "1000", "How often."),
};
static atomic_int left;
static int ms;

static int init(struct cgp_host *h, void **ret_self, char *err, size_t n) {
  (void)ret_self, (void)err, (void)n;
  ms = (int)h->conf_int(h, "ms");
  left = (int)h->conf_int(h, "times");
  return 0;
}

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  (void)req;
  if (atomic_fetch_sub(&left, 1) > 0) poll(NULL, 0, ms);
  h->done(h, call, &CGP_MAKE(cgp_ice_servers, NULL, 0));
}

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "blocks",
    .version = "0",
    .summary = "Does something wrong.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .init = init,
    .start = bad_start,
    .ice = BAD_ICE(issue),
};
