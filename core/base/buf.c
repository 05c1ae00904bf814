#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void cg_buf_init(struct cg_buf *b, size_t max) {
  *b = (struct cg_buf){.max = max};
}

void cg_buf_wrap(struct cg_buf *b, char *memory, size_t size) {
  *b = (struct cg_buf){.data = memory, .cap = size, .max = size - 1, .borrowed = true};
  memory[0] = '\0';
}

void cg_buf_done(struct cg_buf *b) {
  if (!b->borrowed) cg_free(b->data);
  *b = (struct cg_buf){.max = 0};
}

void cg_buf_reset(struct cg_buf *b) {
  b->len = 0;
  b->failed = b->comma = false;
  if (b->data) b->data[0] = '\0';
}

void cg_buf_back(struct cg_buf *b, const struct cg_buf *mark) {
  b->len = mark->len;
  b->failed = mark->failed;
  b->comma = mark->comma;
  if (b->data) b->data[b->len] = '\0';
}

bool cg_buf_ok(const struct cg_buf *b) {
  return !b->failed;
}

const char *cg_buf_text(const struct cg_buf *b) {
  return b->data ? b->data : "";
}

char *cg_buf_grow(struct cg_buf *b, size_t n) {
  if (b->failed) return NULL;
  b->failed = true; /* until it turned out well */
  if (b->borrowed || n > b->max - b->len) return NULL;
  size_t cap = b->cap ? b->cap * 2 : 256;
  while (cap < b->len + n + 1) cap *= 2;
  if (cap > b->max) cap = b->max + 1;
  char *data = cg_realloc(b->data, cap);
  if (!data) return NULL;
  b->data = data;
  b->cap = cap;
  b->failed = false;
  return b->data + b->len;
}

void cg_buf_add(struct cg_buf *b, const char *s, size_t n) {
  char *to = cg_buf_room(b, n);
  if (!to) return;
  if (n) memcpy(to, s, n);
  to[n] = '\0';
  b->len += n;
}

void cg_buf_puts(struct cg_buf *b, const char *s) {
  cg_buf_add(b, s, strlen(s));
}

void cg_buf_printf(struct cg_buf *b, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  char *to = n < 0 ? NULL : cg_buf_room(b, (size_t)n);
  if (!to) {
    b->failed = true;
    return;
  }
  va_start(ap, fmt);
  vsnprintf(to, (size_t)n + 1, fmt, ap);
  va_end(ap);
  b->len += (size_t)n;
}
