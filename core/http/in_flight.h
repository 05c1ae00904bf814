/* in_flight.h - how many admitted requests of a listener are not answered yet.
 *
 * A request counts until its reply, also when its client or its server has gone: leaving
 * and coming again makes no more work.  So the count lives as long as the last of them.
 * Its maker (admission.h) drops it once.  Worker's thread.
 */
#ifndef CG_HTTP_IN_FLIGHT_H
#define CG_HTTP_IN_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct cg_in_flight {
  uint32_t n;
  bool dropped;
};

struct cg_in_flight *cg_in_flight_new(void) CG_MUST_USE; /* NULL: no memory */
void cg_in_flight_drop(struct cg_in_flight *f); /* freed now, or by the last that ends */

void cg_in_flight_begin(struct cg_in_flight *f);
void cg_in_flight_end(struct cg_in_flight *f); /* f may be freed */

#endif
