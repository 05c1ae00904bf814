/* verdict.h - the one verdict that the policies' answers combine to. */
#ifndef CG_POLICY_VERDICT_H
#define CG_POLICY_VERDICT_H

#include "policy/run.h"

/* Fills r->verdict, and returns it or one that says that memory ran out. */
const struct cg_verdict *cg_run_verdict(struct cg_run *r);
/* Adds an answer's scopes to the verdict's; NULL, or what is wrong with them. */
const char *cg_verdict_add_scopes(struct cg_verdict *v, const struct cg_answer *a);
extern const struct cg_verdict cg_verdict_no_memory;

#endif
