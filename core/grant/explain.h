/* explain.h - a verdict as JSON: what was decided, and each policy's word on it.
 *
 * The reply of POST /api/v1/policy/explain and of `camgate policy eval`.
 */
#ifndef CG_GRANT_EXPLAIN_H
#define CG_GRANT_EXPLAIN_H

#include "base/buf.h"
#include "policy/policy.h"

/* With the ask that the verdict answers; all of both still lives. */
void cg_explain_json(struct cg_buf *b, const struct cg_verdict *v,
                     const struct cg_ask *ask, const struct cg_tiers *tiers,
                     const char *revision);

/* The tier a grant would have: the lower of the one asked for and the verdict's most. */
int cg_explain_quality(const struct cg_verdict *v, int quality);

const char *cg_word_name(enum cg_word_kind kind);

#endif
