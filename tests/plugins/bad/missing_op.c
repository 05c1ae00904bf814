/* Serves quota, but two of its ops are missing. */
#include "bad.h"

static void any(void *w, struct cgp_call call) {
  (void)w, (void)call;
}

static void release(void *w, const char *const *lease_ids, size_t n,
                    struct cgp_call call) {
  (void)w, (void)lease_ids, (void)n, (void)call;
}

static void renew(void *w, const struct cgp_quota_hold *hold, struct cgp_call call) {
  (void)w, (void)hold, (void)call;
}

static void restore(void *w, const struct cgp_quota_hold *holds, size_t n,
                    struct cgp_call call) {
  (void)w, (void)holds, (void)n, (void)call;
}

static const struct cgp_quota_ops quota = {
    .size = sizeof quota,
    .renew = renew,
    .release = release,
    .sweep = any,
    .restore = restore,
};

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    BAD_PLUGIN("missing_op"),
    .quota = &quota,
};
