/* Not bad, only old: compiled when the ABI was 1.0.  What 1.1 appended is not there: its
 * description ends early, and its health is followed by what is no pointer. */
#include <stddef.h>

#include "bad.h"

struct health_of_1_0 {
  bool ok;
  const char *text;
  uintptr_t not_of_it[2];
};

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  (void)req;
  h->done(h, call, &(struct cgp_ice_servers){NULL, 0});
}

static void health(void *w, struct cgp_call call) {
  struct cgp_host *h = w;
  h->done(h, call, &(struct health_of_1_0){true, "as old as ever", {1, 1}});
}

/* Only offsetof(libraries) bytes of it are the description; the rest must not be read. */
CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = offsetof(struct cgp_plugin, libraries),
    .abi_major = 1,
    .abi_minor = 0,
    .name = "older_minor",
    .version = "0",
    .summary = "Compiled when the ABI was 1.0.",
    .init = bad_init,
    .start = bad_start,
    .health = health,
    .ice = BAD_ICE(issue),
    .libraries = (const struct cgp_library *)1,
    .n_libraries = 1,
};
