#include "ws/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"

static const struct scheme {
  const char *text;
  size_t len;
  uint16_t port;
  bool tls;
} schemes[] = {{"ws://", 5, 80, false}, {"wss://", 6, 443, true}};

static const char name_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

static bool malformed(struct cg_err *err, const char *why) {
  return cg_fail(err, CG_E_MALFORMED, "a WebSocket's URL %s", why);
}

static const struct scheme *scheme_of(const char *text) {
  for (size_t i = 0; i < CG_COUNT(schemes); i++)
    if (strncasecmp(text, schemes[i].text, schemes[i].len) == 0) return &schemes[i];
  return NULL;
}

/* [from, from + n) becomes the host, if it is one. */
static bool take_host(struct cg_ws_url *url, const char *from, size_t n, bool bracketed) {
  unsigned char address[sizeof(struct in6_addr)];
  if (n == 0 || n > CG_WS_HOST_MAX) return false;
  memcpy(url->host, from, n);
  url->host[n] = '\0';
  if (bracketed) return url->is_address = inet_pton(AF_INET6, url->host, address) == 1;
  url->is_address = inet_pton(AF_INET, url->host, address) == 1;
  return strspn(url->host, name_chars) == n;
}

/* ":" and digits, or nothing. */
static bool take_port(struct cg_ws_url *url, const char *from, size_t n) {
  char *end;
  if (n == 0) return true;
  if (n < 2 || n > 6 || *from != ':' || strspn(from + 1, "0123456789") < n - 1)
    return false;
  unsigned long port = strtoul(from + 1, &end, 10);
  url->port = (uint16_t)port;
  return end == from + n && port > 0 && port <= UINT16_MAX;
}

static bool take_target(struct cg_ws_url *url, const char *from) {
  size_t slash = *from != '/', n = strlen(from);
  if (n + slash > CG_WS_TARGET_MAX) return false;
  for (size_t i = 0; i < n; i++)
    if (from[i] <= 0x20 || from[i] >= 0x7f || from[i] == '#') return false;
  url->target[0] = '/';
  memcpy(url->target + slash, from, n + 1);
  return true;
}

bool cg_ws_url_parse(const char *text, struct cg_ws_url *out, struct cg_err *err) {
  const struct scheme *scheme = scheme_of(text);
  if (!scheme) return malformed(err, "begins with ws:// or wss://");
  *out = (struct cg_ws_url){.tls = scheme->tls, .port = scheme->port};
  const char *host = text + scheme->len, *end = host + strcspn(host, "/?#");
  bool bracketed = *host == '[';
  const char *host_end = host + bracketed;
  host_end += strcspn(host_end, bracketed ? "]/?#" : ":/?#");
  if (bracketed && *host_end != ']') return malformed(err, "misses a ]");
  if (!take_host(out, host + bracketed, (size_t)(host_end - host - bracketed), bracketed))
    return malformed(err, "has no host that can be one");
  host_end += bracketed;
  if (!take_port(out, host_end, (size_t)(end - host_end)))
    return malformed(err, "has a port that is none");
  if (!take_target(out, end))
    return malformed(err, "has a path that no request can carry");
  snprintf(out->authority, sizeof out->authority, "%.*s", (int)(end - host), host);
  return true;
}
