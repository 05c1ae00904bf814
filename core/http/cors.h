/* cors.h - which pages of other origins a browser lets read the answers.
 *
 * CORS as the Fetch standard has it (fetch.spec.whatwg.org, HTTP-CORS protocol): the
 * request of a page carries Origin, and the browser shows the page the answer only when
 * that repeats the origin.  Origins are listed one by one and compared byte by byte, so
 * nothing that only looks like one is let in.  "null", what sandboxed pages and files
 * send, cannot be listed: everybody can make a page that sends it.  Tokens are Bearer
 * tokens, which a page must know to send them, so there is no Allow-Credentials.
 *
 * This keeps honest browsers' pages apart and is no check of who asks: a request of an
 * unlisted origin is worked on like any other, and only its answer stays unread.
 *
 * What an answer to each origin says is made once, at the start.  Immutable, any thread.
 */
#ifndef CG_HTTP_CORS_H
#define CG_HTTP_CORS_H

#include "base/arena.h"
#include "base/schema.h"
#include "http/message.h"

struct cg_cors;

/* What every answer to one origin says. */
struct cg_cors_answer {
  const char *lines; /* of the head, each with its CRLF */
  size_t n;
  bool listed;
};

/* Of the answer to a preflight, beside Access-Control-Allow-Methods: fields that the API
 * reads, and how long the browser may keep them (Chromium keeps nothing longer). */
#define CG_CORS_ALLOW_HEADERS                                                            \
  "Authorization, Content-Type, Idempotency-Key, traceparent, tracestate"
#define CG_CORS_MAX_AGE_S "7200"

/* Is it scheme://host or scheme://host:port just as browsers write it? */
bool cg_origin_check(const char *origin, struct cg_err *err) CG_MUST_USE;

/* Of checked origins, borrowed as long as the arena, where all of it lies.  NULL: no
 * memory. */
struct cg_cors *cg_cors_new(const struct cg_strings *origins,
                            struct cg_arena *arena) CG_MUST_USE;

/* The message's head is read, and bytes are its text; bytes NULL: it is not.  cors NULL:
 * CORS is off, and so is the answer's part of it: NULL. */
const struct cg_cors_answer *cg_cors_answer_to(const struct cg_cors *cors,
                                               const struct cg_message *m,
                                               const char *bytes);

#endif
