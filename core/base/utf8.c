#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define HIGHS UINT64_C(0x8080808080808080) /* of eight bytes */

/* First bytes of the characters beyond ASCII, and what may follow each (RFC 3629 4). */
static const struct lead {
  uint8_t first, last, left, low, high;
} leads[] = {
    {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf}, {0xe1, 0xec, 2, 0x80, 0xbf},
    {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf}, {0xf0, 0xf0, 3, 0x90, 0xbf},
    {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static bool begin(struct cg_utf8 *u, uint8_t byte) {
  if (byte < 0x80) return true;
  for (size_t i = 0; i < CG_COUNT(leads); i++)
    if (byte >= leads[i].first && byte <= leads[i].last) {
      *u = (struct cg_utf8){leads[i].left, leads[i].low, leads[i].high};
      return true;
    }
  return false;
}

static bool next(struct cg_utf8 *u, uint8_t byte) {
  if (!u->left) return begin(u, byte);
  if (byte < u->low || byte > u->high) return false;
  *u = (struct cg_utf8){(uint8_t)(u->left - 1), 0x80, 0xbf};
  return true;
}

static uint64_t eight(const char *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

/* Bytes of ASCII at the front, eight at a time. */
static size_t skip_ascii(const char *bytes, size_t n) {
  size_t at = 0;
  while (n - at >= sizeof(uint64_t) && !(eight(bytes + at) & HIGHS)) at += 8;
  return at;
}

bool cg_utf8_feed(struct cg_utf8 *u, const char *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!u->left) i += skip_ascii(bytes + i, n - i);
    if (i < n && !next(u, (uint8_t)bytes[i])) return false;
  }
  return true;
}

bool cg_utf8_ends(const struct cg_utf8 *u) {
  return u->left == 0;
}

/* Most texts are; the last eight bytes may be looked at twice. */
static bool is_ascii(const char *text, size_t n) {
  uint64_t all = 0;
  size_t at = 0;
  for (; n - at >= sizeof all; at += sizeof all) all |= eight(text + at);
  if (n >= sizeof all) all |= eight(text + n - sizeof all);
  for (; n < sizeof all && at < n; at++) all |= (uint8_t)text[at];
  return !(all & HIGHS);
}

bool cg_utf8_is(const char *text, size_t n) {
  struct cg_utf8 u = {0};
  return is_ascii(text, n) || (cg_utf8_feed(&u, text, n) && cg_utf8_ends(&u));
}

size_t cg_utf8_len(const char *s, size_t n) {
  struct cg_utf8 u = {0};
  size_t len = 0;
  do
    if (len == n || !next(&u, (uint8_t)s[len++])) return 0;
  while (!cg_utf8_ends(&u));
  return len;
}

size_t cg_utf8_bad_len(const char *s, size_t n) {
  struct cg_utf8 u = {0};
  size_t len = 0;
  while (len < n && next(&u, (uint8_t)s[len])) len++;
  return len ? len : 1;
}

static bool continues(char c) {
  return ((uint8_t)c & 0xc0) == 0x80;
}

/* Without the begin of a character at its end. */
static size_t without_begun(const char *text, size_t n) {
  struct cg_utf8 u = {0};
  size_t at = n;
  while (at > 0 && n - at < 3 && continues(text[at - 1])) at--;
  if (at == 0 || (uint8_t)text[at - 1] < 0xc0) return n;
  bool begun = cg_utf8_feed(&u, text + at - 1, n - at + 1) && !cg_utf8_ends(&u);
  return begun ? at - 1 : n;
}

size_t cg_utf8_cut(const char *text, size_t n, size_t most) {
  return n <= most ? n : without_begun(text, most);
}

/* Bytes at the front that need no change. */
static size_t fine(const char *text, size_t n) {
  size_t at = 0;
  while (at < n) {
    size_t ascii = skip_ascii(text + at, n - at);
    if (memchr(text + at, '\0', ascii)) ascii = strlen(text + at);
    at += ascii;
    size_t len = at < n && text[at] ? cg_utf8_len(text + at, n - at) : 0;
    if (!len) break;
    at += len;
  }
  return at;
}

size_t cg_utf8_put(char *to, size_t size, const char *from, size_t n) {
  const size_t sign = sizeof CG_UTF8_REPLACEMENT - 1, room = size - 1;
  size_t at = 0;
  while (n) {
    size_t same = fine(from, n), kept = cg_utf8_cut(from, same, room - at);
    memcpy(to + at, from, kept);
    at += kept;
    from += same, n -= same;
    if (kept < same || !n || room - at < sign) break;
    size_t bad = *from ? cg_utf8_bad_len(from, n) : 1;
    memcpy(to + at, CG_UTF8_REPLACEMENT, sign);
    at += sign;
    from += bad, n -= bad;
  }
  to[at] = '\0';
  return at;
}

size_t cg_utf8_copy(char *to, size_t size, const char *from) {
  return cg_utf8_put(to, size, from, strlen(from));
}

size_t cg_utf8_vprint(char *to, size_t size, const char *fmt, va_list ap) {
  char text[CG_UTF8_PRINT_MAX];
  CG_CHECK(size > 0 && size <= sizeof text);
  int wanted = vsnprintf(text, size, fmt, ap);
  size_t n = wanted < 0 ? 0 : (size_t)wanted;
  if (n >= size) n = without_begun(text, size - 1);
  return cg_utf8_put(to, size, text, n);
}

size_t cg_utf8_print(char *to, size_t size, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  size_t n = cg_utf8_vprint(to, size, fmt, ap);
  va_end(ap);
  return n;
}
