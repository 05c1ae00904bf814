#include "base/named.h"

/* --- short --- */

/* ------------------------------------------------ long */

/*** starred ***/

/* ---- no end */
