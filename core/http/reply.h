/* reply.h - the head of an answer as bytes.
 *
 * Status line, Date, Content-Type, Content-Length, X-Request-Id, the handler's own
 * fields, and Connection: close on the last answer of a connection.  Answers may hold
 * tokens, so they are not to be stored or sniffed unless the handler set a Cache-Control
 * of its own (RFC 6750 5.3, RFC 9111 5.2).  Pure; no ownership.
 */
#ifndef CG_HTTP_REPLY_H
#define CG_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CG_REPLY_HEAD_MAX   4096
#define CG_HEADER_VALUE_MAX 320 /* of one field set by a handler */

struct cg_cors_answer;

struct cg_header {
  const char *name, *value;
};

struct cg_reply {
  int status;
  const char *date;         /* IMF-fixdate */
  const char *content_type; /* NULL: there is no content, and no Content-Length either on
                               statuses that have none (204, 304) */
  size_t content_length;
  const char *request_id;
  const struct cg_header *headers;
  size_t n_headers;
  const struct cg_cors_answer *cors; /* NULL: CORS is off (cors.h) */
  bool close;
};

size_t cg_reply_head(const struct cg_reply *r, char out[CG_REPLY_HEAD_MAX]);

#endif
