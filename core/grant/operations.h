/* operations.h - what can be asked, and the steps that each takes. */
#ifndef CG_GRANT_OPERATIONS_H
#define CG_GRANT_OPERATIONS_H

#include "grant/step.h"

struct cg_operation {
  const struct cg_step *steps; /* the last row has no name */
  bool refusal_ends;           /* a policy's or the quota's no ends the lease */
};

extern const struct cg_operation cg_operations[CG_OPS];

#endif
