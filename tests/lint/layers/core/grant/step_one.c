/* step() is declared in step.h: this file is a part of that module. */
#include "grant/grant.h"
#include "grant/step.h"
void step(void) {
  grant();
}
