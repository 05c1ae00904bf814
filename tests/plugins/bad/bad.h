/* bad.h - what every plugin of the zoo shares: a plugin of the kind ice that is in order,
 * but for what the file that includes it does wrong.  That file defines its own issue().
 * The host of the last start is kept for it; the zoo is driven on one worker.
 */
#ifndef TESTS_PLUGINS_BAD_H
#define TESTS_PLUGINS_BAD_H

#include <stdio.h>
#include <stdlib.h>

#include "camgate_plugin.h"

static inline int bad_init(struct cgp_host *h, void **ret_self, char *err, size_t n) {
  (void)h, (void)ret_self, (void)err, (void)n;
  return 0;
}

static inline int bad_start(void *self, struct cgp_host *h, void **ret_w, char *err,
                            size_t n) {
  (void)self, (void)err, (void)n;
  *ret_w = h; /* ops find their host in w */
  return 0;
}

#define BAD_PLUGIN(file)                                                                 \
  .size = sizeof(struct cgp_plugin), .abi_major = CGP_ABI_MAJOR,                         \
  .abi_minor = CGP_ABI_MINOR, .name = file, .version = "0",                              \
  .summary = "Does something wrong.", .init = bad_init, .start = bad_start

#define BAD_ICE(fn)                                                                      \
  &(const struct cgp_ice_ops) {                                                          \
    .size = sizeof(struct cgp_ice_ops), .issue = fn                                      \
  }

#endif
