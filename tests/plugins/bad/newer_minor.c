/* Made for a newer minor than the host has. */
#include "bad.h"

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR + 1,
    .name = "newer_minor",
    .version = "0",
    .summary = "Does something wrong.",
    .init = bad_init,
    .start = bad_start,
};
