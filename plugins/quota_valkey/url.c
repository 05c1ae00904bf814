#include "url.h"

#include <stdio.h>
#include <string.h>

static int hex_digit(char c) {
  const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
  return at ? (int)(at - digits) : -1;
}

/* Percent-decodes n bytes; false: too long, a bad escape or an encoded NUL. */
static bool decode(const char *from, size_t n, char *to, size_t size) {
  size_t out = 0;
  for (size_t i = 0; i < n; i++) {
    int byte = (unsigned char)from[i];
    if (from[i] == '%') {
      int high = i + 2 < n ? hex_digit(from[i + 1]) : -1;
      int low = high >= 0 ? hex_digit(from[i + 2]) : -1;
      if (low < 0) return false;
      byte = high * 16 + low;
      i += 2;
    }
    if (byte == 0 || out + 1 >= size) return false;
    to[out++] = (char)byte;
  }
  to[out] = '\0';
  return true;
}

static bool number(const char *from, size_t n, uint32_t max, uint32_t *ret) {
  uint32_t value = 0;
  if (n == 0 || n > 5) return false;
  for (size_t i = 0; i < n; i++) {
    if (from[i] < '0' || from[i] > '9') return false;
    value = value * 10 + (uint32_t)(from[i] - '0');
  }
  *ret = value;
  return value <= max;
}

static const char *parse_user(const char *from, size_t n, struct url *u) {
  const char *colon = memchr(from, ':', n);
  size_t user = colon ? (size_t)(colon - from) : n;
  if (!decode(from, user, u->user, sizeof u->user)) return "the user is not readable";
  if (colon && !decode(colon + 1, n - user - 1, u->password, sizeof u->password))
    return "the password is not readable";
  return NULL;
}

static const char *parse_host(const char *from, size_t n, struct url *u) {
  const char *host = from, *rest = memchr(from, ':', n);
  size_t host_n = rest ? (size_t)(rest - from) : n;
  if (n > 0 && from[0] == '[') {
    const char *close = memchr(from, ']', n);
    if (!close) return "the address in brackets does not end";
    host = from + 1;
    host_n = (size_t)(close - host);
    rest = close + 1 < from + n ? close + 1 : NULL;
  }
  if (host_n == 0 || !decode(host, host_n, u->host, sizeof u->host) ||
      strpbrk(u->host, " \t,;/@"))
    return "there is no readable host";
  uint32_t port = 6379;
  if (rest &&
      (*rest != ':' || !number(rest + 1, (size_t)(from + n - rest - 1), 65535, &port) ||
       port == 0))
    return "the port is not 1 to 65535";
  u->port = (uint16_t)port;
  snprintf(u->shown, sizeof u->shown, strchr(u->host, ':') ? "[%s]:%u" : "%s:%u", u->host,
           port);
  return NULL;
}

static const char *parse_tcp(const char *from, struct url *u) {
  size_t n = strcspn(from, "/?#");
  const char *path = from + n, *at = memrchr(from, '@', n);
  if (at) {
    const char *wrong = parse_user(from, (size_t)(at - from), u);
    if (wrong) return wrong;
    n -= (size_t)(at + 1 - from);
    from = at + 1;
  }
  if (*path == '/' && path[1] != '\0') {
    if (!number(path + 1, strlen(path + 1), 65535, &u->db))
      return "the database is not a number";
  } else if (*path != '/' && *path != '\0')
    return "a query or fragment means nothing here";
  return parse_host(from, n, u);
}

static const char *parse_unix(const char *from, struct url *u) {
  size_t n = strcspn(from, "?");
  if (from[0] != '/') return "the socket's path is not absolute";
  if (!decode(from, n, u->path, sizeof u->path))
    return "the socket's path is not readable or longer than 107 bytes";
  if (from[n] && (strncmp(from + n, "?db=", 4) != 0 ||
                  !number(from + n + 4, strlen(from + n + 4), 65535, &u->db)))
    return "behind a socket's path only ?db=NUMBER may stand";
  snprintf(u->shown, sizeof u->shown, "%s", u->path);
  return NULL;
}

static const struct {
  const char *prefix;
  const char *(*parse)(const char *from, struct url *u);
  bool tls;
} schemes[] = {
    {"redis://", parse_tcp, false}, {"valkey://", parse_tcp, false},
    {"rediss://", parse_tcp, true}, {"valkeys://", parse_tcp, true},
    {"unix://", parse_unix, false},
};

const char *url_parse(const char *text, struct url *ret) {
  *ret = (struct url){.db = 0};
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    size_t n = strlen(schemes[i].prefix);
    ret->tls = schemes[i].tls;
    if (strncmp(text, schemes[i].prefix, n) == 0) return schemes[i].parse(text + n, ret);
  }
  return "it begins with none of redis://, rediss:// (TLS), valkey://, valkeys://, "
         "unix://";
}
