#include "http/target.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"
#include "base/utf8.h"
#include "http/chars.h"

static bool hex_pair(const char *s, const char *end) {
  return end - s >= 3 && cg_ch(s[1], CG_CH_HEX) && cg_ch(s[2], CG_CH_HEX);
}

static int pair_value(const char *s) {
  return cg_hex(s[1]) * 16 + cg_hex(s[2]);
}

static bool bad_in_path(int c) {
  return c < 0x20 || c == 0x7f || c == '/' || c == '\\';
}

/* The next character of a path, decoded; *s moves behind it.  Words: it may not stand. */
static const char *path_char(const char **s, const char *end, int *ret) {
  if (**s != '%') {
    if (!cg_ch(**s, CG_CH_PATH)) return "the path holds a character that must be encoded";
    *ret = (uint8_t) * (*s)++;
    return NULL;
  }
  if (!hex_pair(*s, end)) return "the path holds a broken percent-encoding";
  *ret = pair_value(*s);
  *s += 3;
  return bad_in_path(*ret) ? "the path encodes a slash or a control character" : NULL;
}

/* No encoding, and no segment that begins with a dot: most paths are such. */
static bool is_plain_path(const char *s, const char *end) {
  for (char before = '\0'; s < end; before = *s++)
    if (!cg_ch(*s, CG_CH_PATH) || (*s == '.' && before == '/')) return false;
  return true;
}

static const char *check_path(const char *s, const char *end) {
  if (is_plain_path(s, end)) return NULL;
  size_t chars = 0, dots = 0;
  while (s < end) {
    bool slash = *s == '/';
    int c;
    const char *why = path_char(&s, end, &c);
    if (why) return why;
    if (!slash) {
      chars++;
      dots += c == '.';
    }
    if (slash || s == end) {
      if (chars == dots && (dots == 1 || dots == 2)) return "the path has dot segments";
      chars = dots = 0;
    }
  }
  return NULL;
}

static const char *check_query(const char *s, const char *end) {
  for (; s < end; s++) {
    if (*s == '%') {
      if (!hex_pair(s, end)) return "the query holds a broken percent-encoding";
      if (pair_value(s) == 0) return "the query encodes a NUL";
      s += 2;
    } else if (!cg_ch(*s, CG_CH_QUERY)) {
      return "the query holds a character that must be encoded";
    }
  }
  return NULL;
}

static const char *check_origin_form(const char *s, size_t n, struct cg_target *ret) {
  const char *mark = memchr(s, '?', n);
  size_t path = mark ? (size_t)(mark - s) : n;
  *ret = (struct cg_target){.path_len = path};
  if (mark) ret->query = path + 1, ret->query_len = n - path - 1;
  const char *why = check_path(s, s + path);
  return why || !mark ? why : check_query(mark + 1, s + n);
}

/* The length of "http://" or "https://", in any case; 0: it is neither. */
static size_t scheme_length(const char *s, size_t n) {
  size_t len = n > 4 && (s[4] | 0x20) == 's' ? 8 : 7;
  return n > len && strncasecmp(s, "https", len - 3) == 0 &&
                 memcmp(s + len - 3, "://", 3) == 0
             ? len
             : 0;
}

static const char *check_absolute_form(const char *s, size_t n, struct cg_target *ret) {
  size_t scheme = scheme_length(s, n), at = scheme;
  if (!scheme) return "the target is neither a path nor an http URL";
  while (at < n && s[at] != '/' && s[at] != '?') at++;
  if (!cg_target_is_authority(s + scheme, at - scheme))
    return "the target's authority is not a host and port";
  const char *why = check_origin_form(s + at, n - at, ret);
  ret->path += ret->path_len ? at : scheme - 1; /* "http://a" means "http://a/" */
  if (!ret->path_len) ret->path_len = 1;
  ret->query += at;
  return why;
}

const char *cg_target_check(const char *s, size_t n, struct cg_target *ret) {
  return n && s[0] == '/' ? check_origin_form(s, n, ret) : check_absolute_form(s, n, ret);
}

/* ---- authorities ---- */

static bool is_port(const char *s, const char *end) {
  uint32_t port = 0;
  for (; s < end && port <= UINT16_MAX; s++) {
    if (!cg_ch(*s, CG_CH_DIGIT)) return false;
    port = port * 10 + (uint32_t)(*s - '0');
  }
  return port <= UINT16_MAX;
}

/* Behind "[" address "]"; NULL: it is none. */
static const char *skip_address(const char *s, const char *end) {
  const char *close = memchr(s, ']', (size_t)(end - s));
  struct cg_addr addr;
  if (!close || !memchr(s, ':', (size_t)(close - s))) return NULL; /* IPv4 is bare */
  return cg_addr_parse(s + 1, (size_t)(close - s - 1), &addr) ? close + 1 : NULL;
}

static const char *skip_name(const char *s, const char *end) {
  const char *begin = s;
  while (s < end && cg_ch(*s, CG_CH_NAME)) s++;
  return s > begin ? s : NULL;
}

bool cg_target_is_authority(const char *s, size_t n) {
  const char *end = s + n;
  s = n && *s == '[' ? skip_address(s, end) : skip_name(s, end);
  return s && (s == end || (*s == ':' && is_port(s + 1, end)));
}

/* ---- decoding ---- */

static bool plain_text(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    if ((uint8_t)s[i] < 0x20 || s[i] == 0x7f) return false;
  return cg_utf8_is(s, n);
}

int cg_percent_decode(char *s, size_t n, bool plus_is_space) {
  size_t out = 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '%') {
      s[out++] = (char)pair_value(s + i);
      i += 2;
    } else {
      s[out++] = plus_is_space && s[i] == '+' ? ' ' : s[i];
    }
  }
  s[out] = '\0';
  return plain_text(s, out) ? (int)out : -1;
}
