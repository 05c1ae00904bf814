/* Calls itself something else than its file. */
#include "bad.h"

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    BAD_PLUGIN("somebody"),
};
