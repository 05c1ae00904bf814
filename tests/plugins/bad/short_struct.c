/* Its description ends before the ABI's does. */
#include "bad.h"

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = offsetof(struct cgp_plugin, ice),
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "short_struct",
    .version = "0",
    .summary = "Does something wrong.",
    .init = bad_init,
    .start = bad_start,
};
