/* problem.h - a failure as application/problem+json (RFC 9457).
 *
 * {"type": "/problems/<slug>", "title", "status", "detail", "instance": request id} and
 * the extensions of the design; those that are zero or NULL are left out.  Status, slug
 * and title come from the code (err.h), the detail is err's text.  The writer owns
 * nothing.
 */
#ifndef CG_HTTP_PROBLEM_H
#define CG_HTTP_PROBLEM_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/schema.h"

#define CG_PROBLEM_TYPE "application/problem+json"

struct cg_problem {
  const struct cg_err *err; /* required */
  const char *decision_id;
  const char *rule;   /* the policy that spoke */
  const char *reason; /* its words */
  const char *scope;  /* NULL: limit and in_use are left out */
  int64_t limit, in_use;
  struct cg_strings conflicts; /* lease ids of the caller's own */
  int64_t retry_after_s;       /* also sent as Retry-After; 429 and 503: 1 if 0 */
  const struct cg_field_errors *errors; /* 422: [{"pointer", "detail"}] */
  const char *ended_by;                 /* 410 */
};

int cg_problem_status(const struct cg_problem *p);
int64_t cg_problem_retry_after_s(const struct cg_problem *p); /* 0: none */
void cg_problem_write(const struct cg_problem *p, const char *request_id,
                      struct cg_buf *out);

#endif
