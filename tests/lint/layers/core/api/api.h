#include "api/route.h"
#include "base/err.h"
