#include "base/err.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const struct cg_code_info table[CG_CODE_COUNT] = {
    [CG_OK] = {200, "ok", "OK"},
    [CG_E_MALFORMED] = {400, "malformed", "The request cannot be read"},
    [CG_E_UNAUTHENTICATED] = {401, "unauthenticated", "A valid token is needed"},
    [CG_E_DENIED] = {403, "denied", "Not allowed"},
    [CG_E_NOT_FOUND] = {404, "not-found", "Not found"},
    [CG_E_METHOD] = {405, "method-not-allowed", "Method not allowed here"},
    [CG_E_TIMEOUT_CLIENT] = {408, "request-timeout",
                             "The request took too long to arrive"},
    [CG_E_QUOTA] = {409, "quota-full", "No quota left"},
    [CG_E_CONFLICT] = {409, "conflict", "Conflicts with what is there"},
    [CG_E_GONE] = {410, "lease-ended", "The lease is over"},
    [CG_E_LENGTH_REQUIRED] = {411, "length-required", "Content-Length is needed"},
    [CG_E_TOO_LARGE] = {413, "content-too-large", "The body is too large"},
    [CG_E_URI_TOO_LONG] = {414, "uri-too-long", "The request target is too long"},
    [CG_E_MEDIA_TYPE] = {415, "unsupported-media-type", "Media type not supported"},
    [CG_E_INVALID] = {422, "invalid-field", "A field is not valid"},
    [CG_E_UPGRADE] = {426, "upgrade-required", "Another protocol is needed"},
    [CG_E_RATE] = {429, "too-many-requests", "Too many requests"},
    [CG_E_HEADERS] = {431, "headers-too-large", "The headers are too large"},
    [CG_E_INTERNAL] = {500, "internal", "Internal error"},
    [CG_E_UNAVAILABLE] = {503, "unavailable", "Temporarily unavailable"},
    [CG_E_TIMEOUT] = {503, "timeout", "A backend did not answer in time"},
    [CG_E_BUSY] = {503, "busy", "Too busy"},
    [CG_E_MEMORY] = {503, "out-of-memory", "Out of memory"},
};

const struct cg_code_info *cg_code_info(enum cg_code code) {
  CG_CHECK((unsigned)code < CG_CODE_COUNT);
  return &table[code];
}

bool cg_failv(struct cg_err *err, enum cg_code code, const char *fmt, va_list ap) {
  if (!err) return false;
  char text[CG_ERR_TEXT_MAX]; /* an argument may point into *err */
  if (vsnprintf(text, sizeof text, fmt, ap) < 0) text[0] = '\0';
  memcpy(err->text, text, strlen(text) + 1);
  err->code = code;
  return false;
}

bool cg_fail(struct cg_err *err, enum cg_code code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  cg_failv(err, code, fmt, ap);
  va_end(ap);
  return false;
}
