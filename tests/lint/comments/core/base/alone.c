#include "base/named.h"
