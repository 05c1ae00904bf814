/* compile.h - policy files checked and made into rules. */
#ifndef CG_POLICY_COMPILE_H
#define CG_POLICY_COMPILE_H

#include "base/schema.h"

struct cg_policy;

/* Opens p's state and fills its rules, for which there is room; all errors in errs. */
bool cg_policy_compile(struct cg_policy *p, struct cg_arena *arena,
                       struct cg_field_errors *errs) CG_MUST_USE;

#endif
