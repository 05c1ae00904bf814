/* Refuses to start, with words that hold its own secret. */
#include "bad.h"

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, "secret", CGP_OPT_SECRET, 1, 64, NULL, "Something to keep."),
};

static int init(struct cgp_host *h, void **ret_self, char *err, size_t n) {
  (void)ret_self;
  const char *secret = h->conf_string(h, "secret");
  snprintf(err, n, "the moon is in the wrong phase for %s", secret ? secret : "anyone");
  return -1;
}

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  (void)w, (void)req, (void)call;
}

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "failing_init",
    .version = "0",
    .summary = "Does something wrong.",
    .options = options,
    .n_options = 1,
    .init = init,
    .start = bad_start,
    .ice = BAD_ICE(issue),
};
