#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define LINE_MAX_BYTES  4096
#define VALUE_MAX_BYTES 1024
#define CUT             ",\"cut\":true}\n"
#define SECRET_MIN      6
#define MASK            "***"

struct secret {
  struct secret *next; /* longest first: one may hold another */
  size_t n;
  char text[];
};

struct cg_log {
  int fd;
  enum cg_level least;
  const struct cg_clock *clock;
  struct secret *secrets;
};

struct cg_log *cg_log_new(int fd, enum cg_level least, const struct cg_clock *clock) {
  struct cg_log *log = cg_alloc(sizeof *log);
  if (!log) return NULL;
  log->fd = fd;
  log->clock = clock;
  log->least = least;
  return log;
}

void cg_log_free(struct cg_log *log) {
  if (!log) return;
  for (struct secret *s = log->secrets, *next; s; s = next) {
    next = s->next;
    explicit_bzero(s->text, s->n);
    cg_free(s);
  }
  cg_free(log);
}

static void add_secret(struct cg_log *log, const char *text, size_t n) {
  struct secret *s = cg_alloc(sizeof *s + n + 1), **at = &log->secrets;
  CG_CHECK(s); /* at boot; going on would print it */
  s->n = n;
  memcpy(s->text, text, n);
  while (*at && (*at)->n > n) at = &(*at)->next;
  s->next = *at;
  *at = s;
}

void cg_log_secret(struct cg_log *log, const char *value) {
  if (!value || strlen(value) < SECRET_MIN) return;
  add_secret(log, value, strlen(value));
  struct cg_buf b; /* and as a line would show it */
  cg_buf_init(&b, strlen(value) * 6 + 2);
  cg_json_str(&b, NULL, value);
  CG_CHECK(cg_buf_ok(&b));
  if (b.len - 2 != strlen(value)) add_secret(log, b.data + 1, b.len - 2);
  explicit_bzero(b.data, b.len);
  cg_buf_done(&b);
}

static size_t mask(const struct cg_log *log, char *text, size_t n) {
  for (const struct secret *s = log->secrets; s; s = s->next) {
    char *end = text + n, *to = memmem(text, n, s->text, s->n), *from = to;
    while (from) {
      memcpy(to, MASK, strlen(MASK));
      to += strlen(MASK);
      from += s->n;
      char *next = memmem(from, (size_t)(end - from), s->text, s->n);
      size_t between = (size_t)((next ? next : end) - from);
      memmove(to, from, between);
      to += between;
      if (!next) n = (size_t)(to - text);
      from = next;
    }
  }
  return n;
}

void cg_log_mask(const struct cg_log *log, char *text) {
  text[mask(log, text, strlen(text))] = '\0';
}

/* A value too long for the line is masked before it is cut, or a secret could stay in
 * part. */
static void add_text(const struct cg_log *log, struct cg_buf *b, const char *key,
                     const char *text) {
  size_t n = strlen(text);
  if (n <= VALUE_MAX_BYTES) {
    cg_json_strn(b, key, text, n);
    return;
  }
  char *copy = cg_strdup(text);
  if (copy) n = mask(log, copy, n);
  cg_json_strn(b, key, copy, n < VALUE_MAX_BYTES ? n : VALUE_MAX_BYTES);
  cg_free(copy);
}

/* false: no room; the buffer is as it was. */
static bool add_member(const struct cg_log *log, struct cg_buf *b, struct cg_kv kv) {
  size_t len = b->len;
  if (kv.text && *kv.text)
    add_text(log, b, kv.key, kv.text);
  else if (!kv.text)
    cg_json_int(b, kv.key, kv.number);
  if (cg_buf_ok(b)) return true;
  b->len = len;
  b->failed = false;
  return false;
}

void cg_log_write(struct cg_log *log, enum cg_level level, const char *msg,
                  const struct cg_kv *kv, size_t n) {
  static const char *const names[] = {"debug", "info", "warn", "error"};
  if (level < log->least) return;
  char line[LINE_MAX_BYTES];
  struct cg_buf b;
  cg_buf_wrap(&b, line, sizeof line - strlen(CUT));
  cg_json_open(&b, NULL, '{');
  cg_json_time(&b, "ts", log->clock->wall_us(log->clock));
  cg_json_str(&b, "level", names[level]);
  bool whole = add_member(log, &b, (struct cg_kv){"msg", msg, 0});
  for (size_t i = 0; whole && i < n; i++) whole = add_member(log, &b, kv[i]);
  b.cap = sizeof line;
  cg_buf_puts(&b, whole ? "}\n" : CUT);
  size_t len = mask(log, line, b.len);
  while (write(log->fd, line, len) < 0 && errno == EINTR) {
  }
}
