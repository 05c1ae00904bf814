/* buf.h - a growing text buffer with a maximum, and JSON written into it.
 *
 * The maximum is set at init; what would pass it is dropped whole and the buffer is
 * marked failed, so writers need no checks between: write everything, ask cg_buf_ok once.
 * The JSON writer puts commas by itself and escapes per RFC 8259; invalid UTF-8 bytes
 * become U+FFFD.  The text is always NUL-terminated.  One thread.
 */
#ifndef CG_BASE_BUF_H
#define CG_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cg_buf {
  char *data;
  size_t len, cap, max;
  bool failed, comma, borrowed;
};

void cg_buf_init(struct cg_buf *b, size_t max); /* no memory taken yet */
/* Over the caller's memory, at most size - 1 bytes of text; done does not free it. */
void cg_buf_wrap(struct cg_buf *b, char *memory, size_t size);
void cg_buf_done(struct cg_buf *b);  /* frees; usable again after init */
void cg_buf_reset(struct cg_buf *b); /* empty, keeps its memory */
/* Back to what it was when *mark was a copy of it; also from a failure since then. */
void cg_buf_back(struct cg_buf *b, const struct cg_buf *mark);
bool cg_buf_ok(const struct cg_buf *b);
const char *cg_buf_text(const struct cg_buf *b); /* "" when nothing was written */

char *cg_buf_grow(struct cg_buf *b, size_t n); /* cg_buf_room, when it is not there yet */
/* Room for n bytes and a NUL, to be written in place and then counted by b->len += n.
 * NULL: no room, the buffer has failed. */
static inline char *cg_buf_room(struct cg_buf *b, size_t n) {
  return !b->failed && n < b->cap - b->len ? b->data + b->len : cg_buf_grow(b, n);
}
void cg_buf_add(struct cg_buf *b, const char *s, size_t n);
void cg_buf_puts(struct cg_buf *b, const char *s);
void cg_buf_printf(struct cg_buf *b, const char *fmt, ...) CG_PRINTF(2, 3);

/* JSON: open/close and one call per member.  key: the program's own text, of plain
 * characters that JSON does not escape; NULL: an array's element. */
void cg_json_open(struct cg_buf *b, const char *key, char bracket);     /* '{' or '[' */
void cg_json_close(struct cg_buf *b, char bracket);                     /* '}' or ']' */
void cg_json_str(struct cg_buf *b, const char *key, const char *value); /* NULL: null */
void cg_json_strn(struct cg_buf *b, const char *key, const char *value, size_t n);
void cg_json_int(struct cg_buf *b, const char *key, int64_t value);
void cg_json_bool(struct cg_buf *b, const char *key, bool value);
void cg_json_raw(struct cg_buf *b, const char *key, const char *json); /* trusted JSON */
void cg_json_time(struct cg_buf *b, const char *key, int64_t wall_us); /* RFC 3339 UTC */
/* A key that comes from elsewhere; its value follows, with key NULL. */
void cg_json_name(struct cg_buf *b, const char *text);

#endif
