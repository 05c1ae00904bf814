/* message.h - the strict reader of one HTTP/1.x request, without I/O.
 *
 * A connection hands it the bytes it has of a request, from the first one on; it says
 * whether more are needed, the message is complete, or it must be refused and with which
 * status.  It reads by lines and remembers where it stopped, so the answer never depends
 * on how the bytes were cut into segments.  Nothing is copied: all texts are offsets into
 * the bytes.
 *
 * Grammar: RFC 9112 sections 2 to 7 and RFC 9110 section 5, narrowed where leniency lets
 * two parsers disagree: targets as target.h has them ("*" for OPTIONS alone), CRLF only,
 * no folded lines, exactly one Host, at most one Content-Length of digits alone,
 * Transfer-Encoding only as `chunked`, once, in HTTP/1.1 and without a Content-Length
 * (chunked.h).  Without either there is no body (RFC 9112 6.3).  GET, HEAD and DELETE
 * have none either; one of no bytes, in whatever framing, is none: HTTP/2 proxies write
 * `chunked` where they did not know yet that nothing would come.  Statuses used: 400,
 * 413, 414, 431.  No allocation, no ownership, any thread.
 */
#ifndef CG_HTTP_MESSAGE_H
#define CG_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"
#include "base/err.h"
#include "http/chunked.h"

#define CG_MESSAGE_HEADERS_MAX 64

enum cg_method {
  CG_GET,
  CG_HEAD,
  CG_POST,
  CG_PUT,
  CG_PATCH,
  CG_DELETE,
  CG_OPTIONS,
  CG_METHOD_OTHER, /* a token we have no route for: 405 or 404, never 400 */
};

struct cg_message_limits {
  uint32_t max_head; /* request line, fields and the empty line, bytes; at most 65535 */
  uint32_t max_headers; /* at most CG_MESSAGE_HEADERS_MAX */
  uint32_t max_body;
};

/* bytes [at, at + len) of the message */
struct cg_span {
  uint32_t at, len;
};

struct cg_message_field {
  struct cg_span name, value; /* value without the space around it */
};

enum cg_message_state {
  CG_MESSAGE_MORE,    /* not all there yet */
  CG_MESSAGE_READY,   /* complete: cg_message_size bytes */
  CG_MESSAGE_REFUSED, /* code and why say what to answer; nothing after it is read */
};

struct cg_message {
  enum cg_message_state state;
  bool head_done; /* head_len, body_len and the texts hold */
  bool begun;     /* a byte of it was seen; an empty line before it does not count */

  enum cg_method method;
  struct cg_span method_text, path, query; /* query without '?'; len 0: none */
  bool http10, close, expect_continue;
  bool coded;                  /* Content-Encoding is there, and not identity */
  uint32_t head_len, body_len; /* the body's data: of a chunked one when it is ready */
  uint32_t n_fields;
  struct cg_message_field fields[CG_MESSAGE_HEADERS_MAX];

  enum cg_code code; /* when refused */
  const char *why;   /* constant words */
  uint32_t bound;    /* bytes that were passed; 0: none were */

  uint32_t line, scanned; /* where the unread line begins, how far it was searched */
  uint32_t seen;          /* singleton fields met so far, one bit each */
  bool has_line, skipped_empty, has_length, chunked;
  struct cg_chunked chunks;
};

/* Ready for the next request; the fields table is not cleared. */
void cg_message_init(struct cg_message *m);

/* bytes: all that is there from the message's first byte on (len may reach beyond its
 * end).  May move between calls; the content may only grow.  Only the first
 * cg_message_needs of them are looked at. */
enum cg_message_state cg_message_feed(struct cg_message *m,
                                      const struct cg_message_limits *limits,
                                      const char *bytes, size_t len);

/* Bytes of a ready message as it came, and the most that one can have. */
size_t cg_message_size(const struct cg_message *m);
size_t cg_message_size_max(const struct cg_message_limits *limits);
/* The head as it is and the body's data: head_len + body_len bytes of a ready message. */
void cg_message_copy(const struct cg_message *m, const char *bytes, char *out);
/* How many of len bytes the next feed looks at. */
size_t cg_message_needs(const struct cg_message *m,
                        const struct cg_message_limits *limits, size_t len);

/* RFC 9110 5.6.2 and text helpers of the grammar, for the other readers of this layer. */
bool cg_is_token(const char *s, size_t n);
bool cg_span_is(const char *bytes, struct cg_span s, const char *lower); /* caseless */
struct cg_span cg_span_trim(const char *bytes, struct cg_span s); /* of SP and HTAB */
const char *cg_method_name(enum cg_method m);                     /* "" for other */

#endif
