/* err.h - the one way to fail.
 *
 * A failure is a code plus words that a person can act on.  The code decides the HTTP
 * status, the problem type, its title and the page behind it (one table, err.c); the
 * words say what is wrong here.  A policy's "no" is data (struct cg_verdict) until the
 * grant turns it into a reply; a bug aborts (check.h).  Functions that can fail return
 * false and fill *err last; they never log.  No allocation, no ownership, any thread.
 */
#ifndef CG_BASE_ERR_H
#define CG_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define CG_MUST_USE     __attribute__((warn_unused_result))
#define CG_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum cg_code {
  CG_OK = 0,
  CG_E_MALFORMED,       /* 400 malformed: bytes or JSON that cannot be read */
  CG_E_UNAUTHENTICATED, /* 401 unauthenticated: no token, or not one that holds */
  CG_E_DENIED,          /* 403 denied: a policy, or a role, says no */
  CG_E_NOT_FOUND,       /* 404 not-found: unknown, or not the caller's to see */
  CG_E_METHOD,          /* 405 method-not-allowed */
  CG_E_TIMEOUT_CLIENT,  /* 408 request-timeout: the client was too slow */
  CG_E_QUOTA,           /* 409 quota-full: numbers in the extensions */
  CG_E_CONFLICT,        /* 409 conflict: the caller's own doing */
  CG_E_GONE,            /* 410 lease-ended */
  CG_E_TOO_LARGE,       /* 413 content-too-large */
  CG_E_URI_TOO_LONG,    /* 414 uri-too-long */
  CG_E_MEDIA_TYPE,      /* 415 unsupported-media-type */
  CG_E_INVALID,         /* 422 invalid-field: errors[] with JSON pointers */
  CG_E_UPGRADE,         /* 426 upgrade-required: this path speaks WebSocket only */
  CG_E_RATE,            /* 429 too-many-requests */
  CG_E_HEADERS,         /* 431 headers-too-large */
  CG_E_INTERNAL,        /* 500 internal: a defect of ours */
  CG_E_UNAVAILABLE,     /* 503 unavailable: audit, quota or SFU is down */
  CG_E_TIMEOUT,         /* 503 timeout: one of them did not answer in time */
  CG_E_BUSY,            /* 503 busy: a bound of the gate's own */
  CG_E_MEMORY,          /* 503 out-of-memory */
  CG_CODE_COUNT
};

#define CG_ERR_TEXT_MAX 512

struct cg_err {
  enum cg_code code;
  char text[CG_ERR_TEXT_MAX]; /* "" when code is CG_OK; cut, never overrun */
};

/* What the table says of a code. */
struct cg_code_info {
  int status;          /* HTTP */
  const char *slug;    /* last part of the problem type, stable for ever */
  const char *title;   /* RFC 9457 title */
  const char *meaning; /* for people, in whole sentences: when it is sent */
  const char *remedy;  /* and what its reader can do */
};

const struct cg_code_info *cg_code_info(enum cg_code code);

/* Fill err (NULL is allowed) and return false: `return cg_fail(err, CG_E_..., "...")`. */
bool cg_fail(struct cg_err *err, enum cg_code code, const char *fmt, ...) CG_PRINTF(3, 4);
bool cg_failv(struct cg_err *err, enum cg_code code, const char *fmt, va_list ap);

#endif
