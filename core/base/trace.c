#include "base/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* version-traceid-parentid-flags: 2, 32, 16 and 2 lower-case hex digits */
enum { TRACE_AT = 3, PARENT_AT = 36, FLAGS_AT = 53 };

static bool hex(const char *text, size_t n) {
  return strnlen(text, n) == n && strspn(text, "0123456789abcdef") >= n;
}

static bool hex_but_zero(const char *text, size_t n) {
  return hex(text, n) && strspn(text, "0") < n;
}

/* Later versions may say more, behind another dash; ff is none. */
static bool version_ok(const char *text) {
  char behind = text[CG_TRACEPARENT_LEN];
  if (!hex(text, 2) || !strncmp(text, "ff", 2)) return false;
  return !behind || (behind == '-' && strncmp(text, "00", 2) != 0);
}

bool cg_trace_parse(const char *text, struct cg_trace *ret) {
  if (strnlen(text, CG_TRACEPARENT_LEN) < CG_TRACEPARENT_LEN || !version_ok(text))
    return false;
  if (text[TRACE_AT - 1] != '-' || text[PARENT_AT - 1] != '-' ||
      text[FLAGS_AT - 1] != '-')
    return false;
  if (!hex_but_zero(text + TRACE_AT, CG_TRACE_ID_LEN) ||
      !hex_but_zero(text + PARENT_AT, 16) || !hex(text + FLAGS_AT, 2))
    return false;
  memcpy(ret->id, text + TRACE_AT, CG_TRACE_ID_LEN);
  ret->id[CG_TRACE_ID_LEN] = '\0';
  ret->sampled = strchr("13579bdf", text[FLAGS_AT + 1]);
  return true;
}

struct cg_trace cg_trace_begin(const char *id) {
  struct cg_trace trace = {.sampled = false};
  size_t n = strlen(id);
  CG_CHECK(n > 0 && n <= CG_TRACE_ID_LEN);
  memset(trace.id, '0', CG_TRACE_ID_LEN - n);
  memcpy(trace.id + CG_TRACE_ID_LEN - n, id, n);
  return trace;
}

void cg_trace_format(const struct cg_trace *trace, uint64_t span,
                     char out[CG_TRACEPARENT_LEN + 1]) {
  snprintf(out, CG_TRACEPARENT_LEN + 1, "00-%s-%016" PRIx64 "-%02x", trace->id, span,
           trace->sampled);
}
