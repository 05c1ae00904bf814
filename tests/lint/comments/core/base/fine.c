/* What this file holds. */
#include "base/named.h"

/* ---- a section ---- */

/* a -- b --- c: no banner */
