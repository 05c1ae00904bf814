/* refusal.h - the answer to what never became an exchange.
 *
 * A request that cannot be read, or a connection over its bound, is answered with a
 * problem and Connection: close.  Counts it and logs it.  No ownership.
 */
#ifndef CG_HTTP_REFUSAL_H
#define CG_HTTP_REFUSAL_H

#include "http/listener.h"

#define CG_REFUSAL_MAX 2048

struct cg_refusal {
  enum cg_code code;
  const char *why;                  /* words for the client */
  const char *client_addr;          /* for the log */
  const struct cg_message *message; /* as far as it was read */
  const char *head;                 /* its text; NULL: not whole */
};

/* The whole answer; its length. */
size_t cg_refusal_write(const struct cg_listener *l, const struct cg_refusal *r,
                        char out[CG_REFUSAL_MAX]);

#endif
