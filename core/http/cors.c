#include "http/cors.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "http/chars.h"

#define ORIGIN_MAX 300 /* a scheme, a name as long as DNS has them, a port */

#define VARY "Vary: Origin\r\n"
#define EXPOSED                                                                          \
  "Access-Control-Expose-Headers: Location, Retry-After, WWW-Authenticate, "             \
  "X-Request-Id, Idempotent-Replayed\r\n"

struct origin {
  const char *text; /* NULL: the slot is free */
  size_t n;
  struct cg_cors_answer answer;
};

struct cg_cors {
  size_t mask;
  struct origin slots[];
};

static const struct cg_cors_answer unlisted = {VARY, sizeof VARY - 1, false};

/* ---- an origin as the configuration writes it ---- */

struct text {
  const char *at;
  size_t n;
};

static bool all_of(struct text t, const char *set) {
  size_t n = 0;
  while (n < t.n && strchr(set, t.at[n])) n++;
  return n == t.n;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

static bool refuse(struct cg_err *err, const char *origin, const char *why) {
  return cg_fail(err, CG_E_INVALID, "\"%.128s\" %s", origin, why);
}

/* RFC 3986 3.1, lower case */
static bool is_scheme(struct text t) {
  return t.n && strchr(LOWER, t.at[0]) && all_of(t, LOWER DIGIT "+-.");
}

static bool is_port(struct text t) {
  unsigned port = 0;
  if (t.n < 1 || t.n > 5 || t.at[0] == '0' || !all_of(t, DIGIT)) return false;
  for (size_t i = 0; i < t.n; i++) port = port * 10 + (unsigned)(t.at[i] - '0');
  return port <= 65535;
}

static bool is_address(int family, struct text t) {
  char text[INET6_ADDRSTRLEN], written[INET6_ADDRSTRLEN];
  unsigned char address[sizeof(struct in6_addr)];
  if (t.n >= sizeof text) return false;
  memcpy(text, t.at, t.n);
  text[t.n] = '\0';
  return inet_pton(family, text, address) == 1 &&
         inet_ntop(family, address, written, sizeof written) && !strcmp(text, written);
}

/* Labels between dots; one whose last label is a number is an IPv4 address (URL standard,
 * "ends in a number"). */
static bool is_name(struct text t) {
  if (!t.n || !all_of(t, LOWER DIGIT "-_.") || t.at[0] == '.') return false;
  for (size_t i = 1; i < t.n; i++)
    if (t.at[i] == '.' && t.at[i - 1] == '.') return false;
  const char *dot = memrchr(t.at, '.', t.n), *last = dot ? dot + 1 : t.at;
  struct text label = {last, t.n - (size_t)(last - t.at)};
  return !all_of(label, DIGIT) || !label.n || is_address(AF_INET, t);
}

static bool is_host(struct text t) {
  bool brackets = t.n > 2 && t.at[0] == '[' && t.at[t.n - 1] == ']';
  return brackets ? is_address(AF_INET6, (struct text){t.at + 1, t.n - 2}) : is_name(t);
}

static bool is_default(struct text scheme, struct text port) {
  static const struct {
    const char *scheme, *port;
  } defaults[] = {{"http", "80"}, {"https", "443"}};
  for (size_t i = 0; i < CG_COUNT(defaults); i++)
    if (strlen(defaults[i].scheme) == scheme.n && strlen(defaults[i].port) == port.n &&
        !memcmp(defaults[i].scheme, scheme.at, scheme.n) &&
        !memcmp(defaults[i].port, port.at, port.n))
      return true;
  return false;
}

/* What it is instead of scheme://host; NULL: it looks like that. */
static const char *no_origin(const char *origin) {
  if (strlen(origin) > ORIGIN_MAX)
    return "is longer than any host's name makes an origin";
  if (!strcmp(origin, "*"))
    return "is no origin; list each one, such as https://app.example";
  if (!strcmp(origin, "null")) return "is what any page can send, so it cannot be listed";
  if (strpbrk(origin, " ;"))
    return "holds a space or a semicolon; commas stand between origins";
  if (!strncmp(origin, "ws://", 5) || !strncmp(origin, "wss://", 6))
    return "is a WebSocket's; an origin is its page's, http or https";
  return strstr(origin, "://") ? NULL
                               : "is not scheme://host, such as https://app.example";
}

bool cg_origin_check(const char *origin, struct cg_err *err) {
  const char *slashes = strstr(origin, "://"), *wrong = no_origin(origin);
  if (wrong) return refuse(err, origin, wrong);
  if (!strncmp(origin, "ws://", 5) || !strncmp(origin, "wss://", 6))
    return refuse(err, origin,
                  "is a WebSocket's; an origin is its page's, http or https");
  struct text scheme = {origin, (size_t)(slashes - origin)};
  struct text host = {slashes + 3, strlen(slashes + 3)};
  if (memchr(host.at, '/', host.n))
    return refuse(err, origin, "has a path or ends in a slash; an origin has neither");
  const char *colon = memrchr(host.at, ':', host.n);
  struct text port = {NULL, 0};
  if (colon && host.at[host.n - 1] != ']') {
    port = (struct text){colon + 1, host.n - (size_t)(colon + 1 - host.at)};
    host.n = (size_t)(colon - host.at);
  }
  if (!is_scheme(scheme) || !is_host(host))
    return refuse(err, origin,
                  "must be scheme and host as browsers write them: lower case, no "
                  "wildcard, other letters as xn--");
  if (port.at && !is_port(port))
    return refuse(err, origin, "has no port of 1 to 65535 behind the colon");
  return !port.at || !is_default(scheme, port) ||
         refuse(err, origin, "names its scheme's own port, which browsers leave out");
}

/* ---- the table ---- */

/* The origin's slot, or the free one where it would stand. */
static size_t find(const struct cg_cors *c, const char *text, size_t n) {
  size_t i = cg_hash(text, n) & c->mask;
  for (; c->slots[i].text; i = (i + 1) & c->mask)
    if (c->slots[i].n == n && !memcmp(c->slots[i].text, text, n)) break;
  return i;
}

struct cg_cors *cg_cors_new(const struct cg_strings *origins, struct cg_arena *arena) {
  size_t slots = 2;
  while (slots < origins->n * 2) slots *= 2;
  struct cg_cors *c = cg_arena_zalloc(arena, sizeof *c + slots * sizeof c->slots[0]);
  if (!c) return NULL;
  c->mask = slots - 1;
  for (size_t i = 0; i < origins->n; i++) {
    const char *text = origins->items[i];
    char *lines =
        cg_arena_printf(arena, "Access-Control-Allow-Origin: %s\r\n" VARY EXPOSED, text);
    if (!lines) return NULL;
    c->slots[find(c, text, strlen(text))] =
        (struct origin){text, strlen(text), {lines, strlen(lines), true}};
  }
  return c;
}

/* The value of the only Origin field; empty: there is none, or more than one. */
static struct text origin_of(const struct cg_message *m, const char *bytes) {
  const struct cg_message_field *found = NULL;
  for (uint32_t i = 0; i < m->n_fields; i++) {
    const struct cg_message_field *f = &m->fields[i];
    if (f->name.len != 6 || !cg_span_is(bytes, f->name, "origin")) continue;
    if (found) return (struct text){"", 0};
    found = f;
  }
  return found ? (struct text){bytes + found->value.at, found->value.len}
               : (struct text){"", 0};
}

const struct cg_cors_answer *cg_cors_answer_to(const struct cg_cors *cors,
                                               const struct cg_message *m,
                                               const char *bytes) {
  if (!cors) return NULL;
  struct text origin = bytes ? origin_of(m, bytes) : (struct text){"", 0};
  const struct origin *o = &cors->slots[find(cors, origin.at, origin.n)];
  return o->text ? &o->answer : &unlisted;
}
