/* Exports nothing of the ABI. */
#include "camgate_plugin.h"

CGP_EXPORT int not_a_plugin(void);

CGP_EXPORT int not_a_plugin(void) {
  return 1;
}
