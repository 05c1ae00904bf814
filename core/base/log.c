#include "base/log.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/log_writer.h"
#include "base/mem.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES  (CG_LOG_LINE_MAX - CG_LOG_REPEATED_MAX)
#define KIND_MAX_BYTES  512
#define VALUE_MAX_BYTES 1024
#define CUT             ",\"cut\":true}\n"
#define SECRET_MIN      6
#define MASK            "***"

static const struct {
  const char *name;
  uint32_t most; /* of a kind in its first second, as log_queue.h takes it */
} levels[] = {{"debug", 0}, {"info", 32}, {"warn", 1}, {"error", 1}};

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
  struct cg_log_writer *writer; /* NULL: who logs writes */
};

enum cg_level cg_level_named(const char *name) {
  for (size_t i = 0; i < CG_COUNT(levels); i++)
    if (strcmp(levels[i].name, name) == 0) return (enum cg_level)i;
  return CG_INFO;
}

struct cg_log *cg_log_new(int fd, enum cg_level least, const struct cg_clock *clock) {
  struct cg_log *log = cg_alloc(sizeof *log);
  if (!log) return NULL;
  log->fd = fd;
  log->clock = clock;
  log->least = least;
  return log;
}

bool cg_log_start(struct cg_log *log, struct cg_metrics *metrics, struct cg_err *err) {
  log->writer = cg_log_writer_start(log->fd, log->clock, metrics, err);
  return log->writer;
}

void cg_log_hurry(struct cg_log *log) {
  if (log->writer) cg_log_writer_hurry(log->writer);
}

void cg_log_free(struct cg_log *log) {
  if (!log) return;
  cg_log_writer_stop(log->writer);
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

/* To what a value may have, in front of a character. */
static size_t cut(const char *text, size_t n) {
  if (n <= VALUE_MAX_BYTES) return n;
  n = VALUE_MAX_BYTES;
  while (n > VALUE_MAX_BYTES - 3 && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
  return n;
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
  if (copy) n = cut(copy, mask(log, copy, n));
  cg_json_strn(b, key, copy, n);
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

/* ---- kinds: which lines are the same again ---- */

/* The words of it; those with digits (ids, addresses, counts) tell no kind. */
static void add_words(struct cg_buf *b, const char *text) {
  while (*text) {
    size_t n = 0;
    bool number = false;
    for (; text[n] && !isspace((unsigned char)text[n]); n++)
      number |= isdigit((unsigned char)text[n]) != 0;
    if (!number) cg_buf_add(b, text, n);
    text += n;
    if (*text) text++;
  }
}

/* Fields do not count, but those which say who is at fault. */
static bool is_of_kind(const char *key) {
  return strcmp(key, "plugin") == 0 || strcmp(key, "rule") == 0;
}

static void take_kind(struct cg_log_line *line, enum cg_level level, const char *words,
                      const struct cg_kv *kv, size_t n) {
  char text[KIND_MAX_BYTES] = {(char)('0' + level)};
  struct cg_buf b;
  cg_buf_wrap(&b, text + 1, sizeof text - 1);
  add_words(&b, words);
  for (size_t i = 0; i < n; i++) {
    if (!kv[i].text || !is_of_kind(kv[i].key)) continue;
    cg_buf_add(&b, kv[i].text, strlen(kv[i].text) + 1);
    line->given = true;
  }
  line->kind = (uint64_t)(b.len + 1) << 32 | cg_hash(text, b.len + 1);
}

/* ---- one line ---- */

/* In a terminal, DEL and the controls from U+0080 to U+009F act; JSON leaves them be. */
static void disarm(char *line, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)line[i];
    bool c1 = c == 0xc2 && i + 1 < n && (unsigned char)line[i + 1] < 0xa0;
    if (c1 || c == 0x7f) line[i] = '?';
    if (c1) line[++i] = '?';
  }
}

/* -> its length; "}\n" ends it. */
static size_t render(const struct cg_log *log, enum cg_level level, const char *msg,
                     const struct cg_kv *kv, size_t n, char line[LINE_MAX_BYTES]) {
  struct cg_buf b;
  cg_buf_wrap(&b, line, LINE_MAX_BYTES - strlen(CUT));
  cg_log_head(&b, log->clock->wall_us(log->clock), levels[level].name);
  bool whole = add_member(log, &b, (struct cg_kv){"msg", msg, 0});
  for (size_t i = 0; whole && i < n; i++) whole = add_member(log, &b, kv[i]);
  b.cap = LINE_MAX_BYTES;
  cg_buf_puts(&b, whole ? "}\n" : CUT);
  size_t len = mask(log, line, b.len);
  disarm(line, len);
  return len;
}

static void send(struct cg_log *log, const struct cg_log_line *line) {
  if (log->writer)
    cg_log_writer_put(log->writer, line);
  else
    cg_log_write_now(log->fd, line->text, line->n);
}

void cg_log_write_kind(struct cg_log *log, enum cg_level level, const char *kind,
                       const char *msg, const struct cg_kv *kv, size_t n) {
  if (level < log->least) return;
  char text[LINE_MAX_BYTES];
  struct cg_log_line line = {.most = levels[level].most,
                             .n = (uint32_t)render(log, level, msg, kv, n, text),
                             .text = text};
  take_kind(&line, level, kind, kv, n);
  send(log, &line);
}

void cg_log_write(struct cg_log *log, enum cg_level level, const char *msg,
                  const struct cg_kv *kv, size_t n) {
  cg_log_write_kind(log, level, msg, msg, kv, n);
}

/* What JSON would escape or mend. */
static void disarm_plain(char *text, size_t n) {
  for (size_t i = 0, len; i < n; i += len ? len : 1) {
    len = cg_utf8_len(text + i, n - i);
    bool control = (unsigned char)text[i] < ' ' && text[i] != '\t' && text[i] != '\n';
    if (!len || control) text[i] = '?';
  }
  disarm(text, n);
}

void cg_log_say(struct cg_log *log, const char *fmt, ...) {
  char text[LINE_MAX_BYTES];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof text - 1, fmt, ap);
  va_end(ap);
  if (n < 0) return;
  size_t len = strnlen(text, sizeof text - 2);
  len = mask(log, text, len);
  disarm_plain(text, len);
  text[len++] = '\n';
  send(log, &(struct cg_log_line){.n = (uint32_t)len, .text = text});
}
