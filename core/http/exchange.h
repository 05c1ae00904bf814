/* exchange.h - one request being answered.
 *
 * A connection (conn.h) makes an exchange of each whole request, and a route's handler
 * gets it.  The handler answers now or later, exactly once, with cg_exchange_reply,
 * cg_exchange_problem or cg_exchange_fail; that call ends the exchange and frees it.  A
 * client that leaves does not end it: completions still hold a valid exchange, and their
 * reply is dropped (cg_exchange_alive says so beforehand).
 *
 * Everything is used on the thread of the worker that owns the connection.  All texts are
 * the exchange's and live until the reply; the arena is for the handler's own things of
 * the same life, 256 KiB at most in all.
 */
#ifndef CG_HTTP_EXCHANGE_H
#define CG_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/schema.h"
#include "http/message.h"
#include "http/problem.h"
#include "http/query.h"
#include "http/reply.h"

#define CG_EXCHANGE_ARENA_MAX   (256 * 1024)
#define CG_EXCHANGE_HEADERS_MAX 8 /* set by handlers */

struct cg_wire;
struct cg_in_flight;

struct cg_exchange {
  /* What handlers read. */
  void *ctx; /* cg_server_conf.ctx: the worker */
  struct cg_arena *arena;
  struct cg_id request_id;
  enum cg_method method;   /* HEAD too: routes see it as their GET */
  const char *method_name; /* as sent */
  const char *path;        /* as sent: no dot segments, no encoded slashes, no query */
  const char *param;       /* the {parameter}'s segment, decoded; NULL: none */
  const char *client_addr; /* address text without port (access.h) */
  const char *body;        /* NUL-terminated; "" when there is none */
  size_t body_len;
  int64_t began_us; /* mono */

  /* Of http/ alone. */
  struct cg_wire *wire;           /* where the reply goes; NULL: the client left */
  struct cg_in_flight *in_flight; /* counts it until the reply; NULL: nothing does */
  struct cg_exchange *next;       /* in a line of admission.c */
  struct cg_arena_pool *pool;

  const struct cg_cors_answer *cors; /* to its Origin; NULL: CORS is off */

  bool coded;              /* the body is encoded: see cg_router_dispatch */
  json_t *json;            /* the parsed body */
  const char *query_fault; /* words for a 400, found before any handler ran */
  char *bytes;             /* the message, NULs behind names and values */
  const struct cg_message_field *fields;
  uint32_t n_fields, n_query, n_headers;
  struct cg_query *query;
  struct cg_header headers[CG_EXCHANGE_HEADERS_MAX];
};

/* Is the client there still?  A half-close counts as leaving. */
bool cg_exchange_alive(const struct cg_exchange *x);

/* First field of that name, caseless; NULL: absent. */
const char *cg_exchange_header(const struct cg_exchange *x, const char *name);
/* The next one behind the value `last`; NULL: the first. */
const char *cg_exchange_header_next(const struct cg_exchange *x, const char *name,
                                    const char *last);

/* Does a browser ask what a page of another origin may send to this path (Fetch, CORS-
 * preflight fetch)?  Never while CORS is off. */
bool cg_exchange_is_preflight(const struct cg_exchange *x);

/* Query parameter, percent-decoded with '+' as space; NULL: absent.  Duplicates, invalid
 * UTF-8 and control characters were answered 400 before the handler ran. */
const char *cg_exchange_query(const struct cg_exchange *x, const char *name);
/* First parameter whose name is not in the NULL-terminated list, or NULL. */
const char *cg_exchange_query_unknown(const struct cg_exchange *x,
                                      const char *const *known);

/* Reads the body as a JSON object checked by the table (schema.h) into *out, whose
 * defaults the caller has set.  False: the right problem (415, 400, 422, 503) was sent
 * and x is gone.  errs may be NULL; if given, checks of the caller's own can be added to
 * it after success and sent with cg_exchange_invalid.  The JSON lives as long as x, so
 * CG_OBJECT members may be used until the reply. */
bool cg_exchange_body(struct cg_exchange *x, const struct cg_field *fields, void *out,
                      struct cg_field_errors *errs) CG_MUST_USE;
/* 422 with these errors; ends x. */
void cg_exchange_invalid(struct cg_exchange *x, const struct cg_field_errors *errs);

/* 400 for a body that is empty; ends x. */
void cg_exchange_needs_body(struct cg_exchange *x);

/* Extra field of the reply, before it is sent; name is constant, value is copied (control
 * characters are refused: the field is left out).  The same name again replaces. */
void cg_exchange_set_header(struct cg_exchange *x, const char *name, const char *value);

/* The ways to end.  Date, Content-Length and X-Request-Id are added; a
 * HEAD gets no body.  Bytes are copied.  content_type NULL with len 0: no body (204). */
void cg_exchange_reply(struct cg_exchange *x, int status, const char *content_type,
                       const char *body, size_t len);
/* Adds Retry-After, and WWW-Authenticate: Bearer on 401 unless one was set. */
void cg_exchange_problem(struct cg_exchange *x, const struct cg_problem *p);
void cg_exchange_fail(struct cg_exchange *x, const struct cg_err *err);
void cg_exchange_failf(struct cg_exchange *x, enum cg_code code, const char *fmt, ...)
    CG_PRINTF(3, 4);

/* ---- for http/ ---- */

struct cg_exchange_origin {
  void *ctx;
  struct cg_wire *wire;
  struct cg_arena_pool *pool;
  struct cg_id request_id;
  int64_t began_us;
  const char *client_addr;
};

/* Copies the whole message out of bytes.  NULL: no memory. */
struct cg_exchange *cg_exchange_new(const struct cg_exchange_origin *origin,
                                    const struct cg_message *m,
                                    const char *bytes) CG_MUST_USE;
/* f counts it until it is answered. */
void cg_exchange_admitted(struct cg_exchange *x, struct cg_in_flight *f);
/* The client left: x->wire is no more.  x stays until it is answered. */
void cg_exchange_left(struct cg_exchange *x);

#endif
