#include "base/meant.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"

#define MARK   "\xef\xbb\xbf" /* U+FEFF */
#define MARK_N (sizeof MARK - 1)

static bool begins(const char *text, size_t n, const char *with) {
  size_t len = strlen(with);
  return n >= len && strncasecmp(text, with, len) == 0;
}

static bool ends(const char *text, size_t n, const char *with) {
  size_t len = strlen(with);
  return n >= len && strncasecmp(text + n - len, with, len) == 0;
}

static bool holds(const char *text, size_t n, const char *part) {
  for (size_t i = 0; i < n; i++)
    if (begins(text + i, n - i, part)) return true;
  return false;
}

/* ---- characters ---- */

/* What blanks and marks look like in UTF-8, where they can be seen by nobody. */
static const struct {
  const char *begin;
  unsigned char first, last; /* of its last byte */
} blanks[] = {
    {"", ' ', ' '},           {"\xc2", 0xa0, 0xa0},     {"\xc2", 0xad, 0xad},
    {"\xe1\x9a", 0x80, 0x80}, {"\xe2\x80", 0x80, 0x8f}, /* spaces, joiners, directions */
    {"\xe2\x80", 0xa8, 0xaf}, {"\xe2\x81", 0x9f, 0xaf}, {"\xe3\x80", 0x80, 0x80},
    {"\xef\xbb", 0xbf, 0xbf}, /* a byte order mark, at an end */
};

static const struct {
  const char *open, *close;
} quotes[] = {
    {"\"", "\""},
    {"'", "'"},
    {"`", "`"},
    {"\xe2\x80\x9c", "\xe2\x80\x9d"},
    {"\xe2\x80\x9e", "\xe2\x80\x9c"},
    {"\xe2\x80\x9d", "\xe2\x80\x9d"},
    {"\xe2\x80\x98", "\xe2\x80\x99"},
    {"\xc2\xab", "\xc2\xbb"},
};

static const char *control(const char *text, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)text[i];
    bool last = i + 1 == n;
    if (c == '\r') return "holds a carriage return: a file with Windows line ends?";
    if (c == '\n') return last ? "ends with a newline" : "holds a newline";
    if (c == '\t' && (last || i == 0)) return "begins or ends with a blank";
    if (c < 0x20 || c == 0x7f) return "must not hold control characters";
    if (c == 0xc2 && !last && (unsigned char)text[i + 1] < 0xa0)
      return "must not hold control characters";
  }
  return NULL;
}

/* Is one of them at the front of n bytes, or at their end? */
static bool blank_at(const char *text, size_t n, bool end) {
  for (size_t i = 0; i < CG_COUNT(blanks); i++) {
    size_t len = strlen(blanks[i].begin) + 1;
    if (len > n) continue;
    const char *at = end ? text + n - len : text;
    unsigned char last = (unsigned char)at[len - 1];
    if (!memcmp(at, blanks[i].begin, len - 1) && last >= blanks[i].first &&
        last <= blanks[i].last)
      return true;
  }
  return false;
}

static const char *blank(const char *text, size_t n) {
  return blank_at(text, n, false) || blank_at(text, n, true)
             ? "begins or ends with a blank"
             : NULL;
}

static const char *quoted(const char *text, size_t n) {
  for (size_t i = 0; i < CG_COUNT(quotes); i++)
    if (n >= strlen(quotes[i].open) + strlen(quotes[i].close) &&
        begins(text, n, quotes[i].open) && ends(text, n, quotes[i].close))
      return "stands in quotes, which would be part of it";
  return NULL;
}

/* ---- placeholders ---- */

static const struct {
  const char *open, *close;
} templates[] = {{"<", ">"}, {"${", "}"}, {"$(", ")"}, {"{{", "}}"}, {"%(", ")s"}};

static const char *const anywhere[] = {"changeme",  "change-me", "change_me",
                                       "change me", "replaceme", "replace-me",
                                       "replace_me"};

/* "your-256-bit-secret": whose? */
static const char *const beginnings[] = {"your-", "your_", "your "};

static const char *const in_secrets[] = {
    "your-secret",  "your_secret",    "yoursecret",     "your-api",
    "your_api",     "your-key",       "your_key",       "mysecret",
    "my-secret",    "my_secret",      "placeholder",    "replace-with",
    "replace_with", "secret-here",    "secret_here",    "openssl rand",
    "topsecret",    "example-secret", "example_secret", "a-string-secret-at-least"};

static const char *const whole_secrets[] = {"secret", "password", "passwd", "test",
                                            "todo",   "none",     "null",   "xxx"};

static const char placeholder[] = "is a placeholder";

/* "$NAME", as a shell would have replaced it. */
static bool variable(const char *text, size_t n) {
  return n > 2 && text[0] == '$' &&
         strspn(text + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n - 1;
}

static const char *unfilled(const char *text, size_t n) {
  if (variable(text, n)) return placeholder;
  for (size_t i = 0; i < CG_COUNT(templates); i++)
    if (begins(text, n, templates[i].open) && ends(text, n, templates[i].close))
      return placeholder;
  for (size_t i = 0; i < CG_COUNT(beginnings); i++)
    if (begins(text, n, beginnings[i])) return placeholder;
  for (size_t i = 0; i < CG_COUNT(anywhere); i++)
    if (holds(text, n, anywhere[i])) return placeholder;
  return NULL;
}

const char *cg_text_odd(const char *text, size_t n) {
  if (begins(text, n, MARK)) return "begins with a byte order mark";
  const char *odd = control(text, n);
  if (!odd) odd = blank(text, n);
  if (!odd) odd = quoted(text, n);
  return odd ? odd : unfilled(text, n);
}

const char *cg_secret_odd(const char *text, size_t n) {
  const char *odd = cg_text_odd(text, n);
  for (size_t i = 0; !odd && i < CG_COUNT(in_secrets); i++)
    if (holds(text, n, in_secrets[i])) odd = placeholder;
  for (size_t i = 0; !odd && i < CG_COUNT(whole_secrets); i++)
    if (strlen(whole_secrets[i]) == n && begins(text, n, whole_secrets[i]))
      odd = placeholder;
  return odd;
}

const char *cg_file_mark(const char *text, size_t n) {
  if (n >= MARK_N && memcmp(text, MARK, MARK_N) == 0)
    return "begins with a byte order mark: save it as UTF-8 without one";
  if (n >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
    return "is UTF-16: save it as UTF-8";
  return NULL;
}
