/* end_log.h - what the log says of leases that end: one by one while they are few,
 * counted by cause once a second when they are many.  Home's thread.
 */
#ifndef CG_LEASE_END_LOG_H
#define CG_LEASE_END_LOG_H

#include "lease/service.h"

struct cg_end_log {
  struct cg_service *g;
  struct cg_timer timer; /* runs while a second is counted */
  uint32_t singles;      /* lines of this second */
  int64_t counts[6];     /* by enum cg_ended_by: ends without a line of their own */
};

void cg_end_log_add(struct cg_end_log *log, const struct cg_lease *l);
void cg_end_log_stop(struct cg_end_log *log); /* says what it has counted */

#endif
