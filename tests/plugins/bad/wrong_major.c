/* Made for another major of the ABI. */
#include "bad.h"

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = 1,
    .abi_minor = CGP_ABI_MINOR,
    .name = "wrong_major",
    .version = "0",
    .summary = "Does something wrong.",
    .init = bad_init,
    .start = bad_start,
};
