/* JSON into a buffer: members with their commas, text escaped and made valid UTF-8. */
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/utf8.h"

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

static uint64_t eight(const char *s) {
  uint64_t w;
  memcpy(&w, s, sizeof w);
  return w;
}

/* All of less than eight bytes, some of them more than once. */
static uint64_t few(const char *s, size_t n) {
  uint32_t first, last;
  if (n == 0) return ONES * ' ';
  if (n < 4)
    return ONES * ' ' << 24 | (uint64_t)(unsigned char)s[0] << 16 |
           (uint64_t)(unsigned char)s[n / 2] << 8 | (unsigned char)s[n - 1];
  memcpy(&first, s, sizeof first);
  memcpy(&last, s + n - sizeof last, sizeof last);
  return first | (uint64_t)last << 32;
}

/* Does any of the bytes need a look?  (control, quote, backslash, not ASCII) */
static bool any_special(uint64_t w) {
  uint64_t quote = w ^ (ONES * '"'), slash = w ^ (ONES * '\\');
  return ((w | (w - ONES * 0x20) | (quote - ONES) | (slash - ONES)) & HIGHS) != 0;
}

static bool special(unsigned char c) {
  return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

static size_t plain_run(const char *s, size_t n) {
  size_t i = 0;
  while (i + 8 <= n && !any_special(eight(s + i))) i += 8;
  while (i < n && !special((unsigned char)s[i])) i++;
  return i;
}

static bool plain(const char *s, size_t n) {
  if (n < 8) return !any_special(few(s, n));
  for (size_t i = 0; i + 8 < n; i += 8)
    if (any_special(eight(s + i))) return false;
  return !any_special(eight(s + n - 8)); /* may overlap those before */
}

static void add_control(struct cg_buf *b, unsigned char c) {
  static const char hex[] = "0123456789abcdef", names[] = "btn-fr";
  char u[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
  if (c >= '\b' && c <= '\r' && c != '\v') {
    u[1] = names[c - '\b'];
    cg_buf_add(b, u, 2);
  } else {
    cg_buf_add(b, u, 6);
  }
}

static size_t add_special(struct cg_buf *b, const char *s, size_t n) {
  unsigned char c = (unsigned char)s[0];
  if (c >= 0x80) {
    size_t len = cg_utf8_len(s, n);
    if (!len) {
      cg_buf_add(b, CG_UTF8_REPLACEMENT, sizeof CG_UTF8_REPLACEMENT - 1);
      return cg_utf8_bad_len(s, n);
    }
    cg_buf_add(b, s, len);
    return len;
  }
  if (c < 0x20)
    add_control(b, c);
  else
    cg_buf_add(b, (const char[]){'\\', (char)c}, 2);
  return 1;
}

static void add_escaped(struct cg_buf *b, const char *s, size_t n) {
  cg_buf_add(b, "\"", 1);
  while (n) {
    size_t run = plain_run(s, n), used = run;
    cg_buf_add(b, s, run);
    if (run < n) used += add_special(b, s + run, n - run);
    s += used, n -= used;
  }
  cg_buf_add(b, "\"", 1);
}

static void add_quoted(struct cg_buf *b, const char *s, size_t n) {
  char *to = plain(s, n) ? cg_buf_room(b, n + 2) : NULL;
  if (!to) {
    add_escaped(b, s, n);
    return;
  }
  *to++ = '"';
  memcpy(to, s, n);
  memcpy(to + n, "\"", 2);
  b->len += n + 2;
}

static void add_comma(struct cg_buf *b) {
  if (b->comma) cg_buf_add(b, ",", 1);
  b->comma = true;
}

#ifdef __SANITIZE_ADDRESS__
#define CHECK_PLAIN(s, n) CG_CHECK(plain(s, n))
#else
#define CHECK_PLAIN(s, n) ((void)0)
#endif

/* In one piece: keys are plain. */
static void add_key(struct cg_buf *b, const char *key) {
  if (!key) {
    add_comma(b);
    return;
  }
  size_t comma = b->comma, n = strlen(key);
  CHECK_PLAIN(key, n);
  b->comma = true;
  char *to = cg_buf_room(b, comma + n + 3);
  if (!to) return;
  if (comma) *to++ = ',';
  *to++ = '"';
  memcpy(to, key, n);
  memcpy(to + n, "\":", 3);
  b->len += comma + n + 3;
}

void cg_json_name(struct cg_buf *b, const char *text) {
  add_comma(b);
  add_quoted(b, text, strlen(text));
  cg_buf_add(b, ":", 1);
  b->comma = false;
}

void cg_json_open(struct cg_buf *b, const char *key, char bracket) {
  add_key(b, key);
  cg_buf_add(b, &bracket, 1);
  b->comma = false;
}

void cg_json_close(struct cg_buf *b, char bracket) {
  cg_buf_add(b, &bracket, 1);
  b->comma = true;
}

void cg_json_strn(struct cg_buf *b, const char *key, const char *value, size_t n) {
  add_key(b, key);
  if (value)
    add_quoted(b, value, n);
  else
    cg_buf_add(b, "null", 4);
}

void cg_json_str(struct cg_buf *b, const char *key, const char *value) {
  cg_json_strn(b, key, value, value ? strlen(value) : 0);
}

void cg_json_int(struct cg_buf *b, const char *key, int64_t value) {
  static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                              "25262728293031323334353637383940414243444546474849"
                              "50515253545556575859606162636465666768697071727374"
                              "75767778798081828384858687888990919293949596979899";
  char text[20];
  size_t at = sizeof text;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  for (; rest >= 100; rest /= 100) memcpy(text + (at -= 2), pairs + rest % 100 * 2, 2);
  if (rest >= 10)
    memcpy(text + (at -= 2), pairs + rest * 2, 2);
  else
    text[--at] = (char)('0' + rest);
  if (value < 0) text[--at] = '-';
  add_key(b, key);
  cg_buf_add(b, text + at, sizeof text - at);
}

void cg_json_bool(struct cg_buf *b, const char *key, bool value) {
  add_key(b, key);
  cg_buf_add(b, value ? "true" : "false", value ? 4 : 5);
}

void cg_json_raw(struct cg_buf *b, const char *key, const char *json) {
  add_key(b, key);
  cg_buf_puts(b, json);
}

void cg_json_time(struct cg_buf *b, const char *key, int64_t wall_us) {
  char text[CG_TIME_TEXT];
  cg_time_text(wall_us, text);
  cg_json_str(b, key, text);
}
