#include "api/api.h"
#include "base/err.h"
#include "grant/step.h"
void grant(void) {
  step();
}
