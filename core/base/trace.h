/* trace.h - whose request this is part of, across services: W3C Trace Context, level 1.
 *
 * A client's `traceparent` is read as strictly as the recommendation says; what is not in
 * order is as if it were not there.  Plain values; any thread.
 */
#ifndef CG_BASE_TRACE_H
#define CG_BASE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#define CG_TRACE_ID_LEN    32
#define CG_TRACEPARENT_LEN 55

struct cg_trace {
  char id[CG_TRACE_ID_LEN + 1]; /* lower-case hex; "" = none */
  bool sampled;
};

/* False: it is no traceparent. */
bool cg_trace_parse(const char *traceparent, struct cg_trace *ret);
/* The trace that begins with a request of this id (id.h): zeros, then the id. */
struct cg_trace cg_trace_begin(const char *id);
/* For a request made on its behalf; span names that request, and is not 0. */
void cg_trace_format(const struct cg_trace *trace, uint64_t span,
                     char out[CG_TRACEPARENT_LEN + 1]);

#endif
