#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void cg_check_failed(const char *what, const char *file, int line) {
  dprintf(2, "camgate: bug at %s:%d: %s does not hold\n", file, line, what);
  abort();
}
