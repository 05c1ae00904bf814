#include "base/err.h"
#include "err.h"
#include "grant/grant.h"
#include "../../plugins/camgate_plugin.h"
#include "somewhere/else.h"
#include <stdio.h>
