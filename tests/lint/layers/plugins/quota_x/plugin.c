#include "camgate_plugin.h"
#include "base/err.h"
#include "missing.h"
