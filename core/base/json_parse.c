/* JSON from outside, with its size and depth bounded before jansson recurses. */
#include <string.h>

#include "base/mem.h"
#include "base/schema.h"

/* jansson's own bound is far higher and it recurses. */
static bool depth_ok(const char *text, size_t n, int max) {
  int depth = 0;
  bool string = false;
  for (size_t i = 0; i < n; i++) {
    char c = text[i];
    if (string && c == '\\')
      i++;
    else if (c == '"')
      string = !string;
    else if (!string && (c == '{' || c == '[') && ++depth > max)
      return false;
    else if (!string && (c == '}' || c == ']'))
      depth--;
  }
  return true;
}

/* What says that the text is not UTF-8 as RFC 8259 8.1 has it; NULL: nothing. */
static const char *foreign(const char *text, size_t n) {
  if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
    return "JSON begins with a byte order mark; send UTF-8 without one";
  return memchr(text, 0, n) ? "JSON holds a NUL byte; send UTF-8" : NULL;
}

json_t *cg_json_parse(const char *text, size_t n, struct cg_err *err) {
  return cg_json_parse_deep(text, n, CG_JSON_DEPTH, err);
}

json_t *cg_json_parse_deep(const char *text, size_t n, int depth, struct cg_err *err) {
  if (!depth_ok(text, n, depth)) {
    cg_fail(err, CG_E_MALFORMED, "JSON is nested deeper than %d levels", depth);
    return NULL;
  }
  const char *why = foreign(text, n);
  if (why) {
    cg_fail(err, CG_E_MALFORMED, "%s", why);
    return NULL;
  }
  uint64_t failures = cg_mem_failures();
  json_error_t e;
  json_t *json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
  bool starved = cg_mem_failures() != failures; /* then letters of a text may be lost */
  if (json && !starved) return json;
  json_decref(json);
  if (starved || json_error_code(&e) == json_error_out_of_memory)
    cg_fail(err, CG_E_MEMORY, "no memory to read JSON of %zu bytes", n);
  else
    cg_fail(err, CG_E_MALFORMED, "JSON, line %d, column %d: %s", e.line, e.column,
            json_error_code(&e) == json_error_null_character
                ? "\\u0000 is in no text here"
                : e.text);
  return NULL;
}
