/* tally.h - refused credentials: counted in the trail, not flooded into it.
 *
 * The first refusal after a quiet time is recorded at once, what follows within ten
 * seconds as one row with the count.  The refusal's reply does not wait for it.  One
 * worker.
 */
#ifndef CG_LEASE_TALLY_H
#define CG_LEASE_TALLY_H

#include "lease/service.h"

struct cg_tally;
struct cg_tally *cg_tally_new(struct cg_service *g);
void cg_tally_free(struct cg_tally *t);

void cg_tally_refused(struct cg_tally *t, const char *client_addr, const char *request_id,
                      const char *reason);
void cg_tally_flush(struct cg_tally *t); /* before the worker stops */

#endif
