#include "http/message.h"

#include <string.h>
#include <strings.h>

#include "http/chars.h"
#include "http/target.h"

#define METHOD_MAX        24
#define LENGTH_DIGITS_MAX 9

static const char *const methods[] = {
    [CG_GET] = "GET",         [CG_HEAD] = "HEAD",    [CG_POST] = "POST",
    [CG_PUT] = "PUT",         [CG_PATCH] = "PATCH",  [CG_DELETE] = "DELETE",
    [CG_OPTIONS] = "OPTIONS", [CG_METHOD_OTHER] = ""};

const char *cg_method_name(enum cg_method m) {
  return methods[m];
}

bool cg_is_token(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!cg_ch(s[i], CG_CH_TOKEN)) return false;
  return n > 0;
}

bool cg_span_is(const char *bytes, struct cg_span s, const char *lower) {
  return strlen(lower) == s.len && strncasecmp(bytes + s.at, lower, s.len) == 0;
}

struct cg_span cg_span_trim(const char *bytes, struct cg_span s) {
  while (s.len && (bytes[s.at] == ' ' || bytes[s.at] == '\t')) s.at++, s.len--;
  while (s.len && (bytes[s.at + s.len - 1] == ' ' || bytes[s.at + s.len - 1] == '\t'))
    s.len--;
  return s;
}

static bool refuse(struct cg_message *m, enum cg_code code, const char *why) {
  m->state = CG_MESSAGE_REFUSED;
  m->code = code;
  m->why = why;
  return false;
}

static bool malformed(struct cg_message *m, const char *why) {
  return refuse(m, CG_E_MALFORMED, why);
}

void cg_message_init(struct cg_message *m) {
  memset(m, 0, offsetof(struct cg_message, fields));
  memset(&m->code, 0, sizeof(*m) - offsetof(struct cg_message, code));
  m->method = CG_METHOD_OTHER;
}

static struct cg_span cut(struct cg_span *rest, const char *bytes, char at) {
  const char *end = memchr(bytes + rest->at, at, rest->len);
  struct cg_span s = {rest->at, end ? (uint32_t)(end - bytes) - rest->at : rest->len};
  uint32_t used = end ? s.len + 1 : s.len;
  *rest = (struct cg_span){rest->at + used, rest->len - used};
  return s;
}

/* method SP origin-form SP HTTP-version, single spaces (RFC 9112 3). */
static bool take_request_line(struct cg_message *m, const char *bytes,
                              struct cg_span line) {
  m->has_line = true;
  m->method_text = cut(&line, bytes, ' ');
  struct cg_span target = cut(&line, bytes, ' ');
  if (!cg_is_token(bytes + m->method_text.at, m->method_text.len) ||
      m->method_text.len > METHOD_MAX)
    return malformed(m, "the request line does not begin with a method");
  if (target.len > CG_TARGET_MAX)
    return refuse(m, CG_E_URI_TOO_LONG, "the target is longer than 8192 bytes");
  if (line.len != 8 || memcmp(bytes + line.at, "HTTP/1.", 7) != 0 ||
      (bytes[line.at + 7] != '0' && bytes[line.at + 7] != '1'))
    return malformed(m, "the request line does not end in HTTP/1.1 or HTTP/1.0");
  m->http10 = bytes[line.at + 7] == '0';
  size_t path;
  const char *why = cg_target_check(bytes + target.at, target.len, &path);
  if (why) return malformed(m, why);
  m->path = (struct cg_span){target.at, (uint32_t)path};
  if (path < target.len)
    m->query =
        (struct cg_span){target.at + (uint32_t)path + 1, target.len - (uint32_t)path - 1};
  for (int i = 0; i < CG_METHOD_OTHER; i++)
    if (strlen(methods[i]) == m->method_text.len &&
        memcmp(bytes + m->method_text.at, methods[i], m->method_text.len) == 0)
      m->method = (enum cg_method)i;
  return true;
}

static bool port_fits(const char *s, size_t n) {
  uint32_t port = 0;
  for (size_t i = 0; i < n; i++) {
    if (!cg_ch(s[i], CG_CH_DIGIT)) return false;
    port = port * 10 + (uint32_t)(s[i] - '0');
    if (port > 65535) return false;
  }
  return true;
}

/* Behind "[" address "]"; NULL: it is none. */
static const char *skip_address(const char *s, const char *end) {
  const char *open = s++;
  while (s < end && (cg_ch(*s, CG_CH_HEX) || *s == ':' || *s == '.')) s++;
  return s < end && *s == ']' && s - open >= 3 ? s + 1 : NULL;
}

static const char *skip_name(const char *s, const char *end) {
  const char *begin = s;
  while (s < end && cg_ch(*s, CG_CH_NAME)) s++;
  return s > begin ? s : NULL;
}

/* name [":" port] or "[" address "]" [":" port] */
static bool take_host(struct cg_message *m, const char *bytes, struct cg_span v) {
  const char *s = bytes + v.at, *end = s + v.len;
  s = v.len && *s == '[' ? skip_address(s, end) : skip_name(s, end);
  bool fits = s && (s == end || (*s == ':' && port_fits(s + 1, (size_t)(end - s - 1))));
  return fits || malformed(m, "Host is not a host and port");
}

static bool take_length(struct cg_message *m, const char *bytes, struct cg_span v) {
  const char *s = bytes + v.at;
  for (uint32_t i = 0; i < v.len; i++)
    if (!cg_ch(s[i], CG_CH_DIGIT))
      return malformed(m, "Content-Length is not a number of digits alone");
  if (v.len == 0 || (v.len > 1 && s[0] == '0'))
    return malformed(m, "Content-Length is empty or has leading zeros");
  m->body_len = v.len > LENGTH_DIGITS_MAX ? UINT32_MAX : 0;
  for (uint32_t i = 0; i < v.len && v.len <= LENGTH_DIGITS_MAX; i++)
    m->body_len = m->body_len * 10 + (uint32_t)(s[i] - '0');
  m->has_length = true;
  return true;
}

static bool take_coding(struct cg_message *m, const char *bytes, struct cg_span v) {
  (void)bytes;
  (void)v;
  return refuse(m, CG_E_LENGTH_REQUIRED,
                "Transfer-Encoding is not accepted here; send a Content-Length");
}

/* Fields that a Connection option may not name: dropping them on the way would change
 * what the message means (RFC 9110 7.6.1). */
static const char *const not_hop_by_hop[] = {
    "host",         "content-length", "authorization", "transfer-encoding",
    "content-type", "connection",     "expect"};

static bool take_option(struct cg_message *m, const char *bytes, struct cg_span option) {
  if (!cg_is_token(bytes + option.at, option.len))
    return malformed(m, "Connection is not a list of tokens");
  if (cg_span_is(bytes, option, "close")) m->close = true;
  for (size_t i = 0; i < sizeof(not_hop_by_hop) / sizeof(*not_hop_by_hop); i++)
    if (cg_span_is(bytes, option, not_hop_by_hop[i]))
      return malformed(m, "Connection names a field that is not of the connection");
  return true;
}

static bool take_connection(struct cg_message *m, const char *bytes, struct cg_span v) {
  while (v.len) {
    struct cg_span option = cg_span_trim(bytes, cut(&v, bytes, ','));
    if (option.len && !take_option(m, bytes, option)) return false;
  }
  return true;
}

static bool take_expect(struct cg_message *m, const char *bytes, struct cg_span v) {
  if (!cg_span_is(bytes, v, "100-continue"))
    return malformed(m, "Expect is not 100-continue");
  m->expect_continue = true;
  return true;
}

static bool check_upgrade(struct cg_message *m, const char *bytes, struct cg_span v) {
  (void)bytes;
  return v.len > 0 || malformed(m, "Upgrade is empty");
}

static const struct known {
  const char *name;
  size_t len;
  bool once;
  bool (*take)(struct cg_message *m, const char *bytes, struct cg_span value);
} known_fields[] = {
#define KNOWN(name, once, take)                                                          \
  { name, sizeof(name) - 1, once, take }
    KNOWN("host", true, take_host),
    KNOWN("content-length", true, take_length),
    KNOWN("transfer-encoding", false, take_coding),
    KNOWN("connection", false, take_connection),
    KNOWN("expect", true, take_expect),
    KNOWN("upgrade", false, check_upgrade),
    KNOWN("authorization", true, NULL),
    KNOWN("content-type", true, NULL),
    KNOWN("idempotency-key", true, NULL),
    KNOWN("sec-websocket-key", true, NULL),
#undef KNOWN
};

static bool weigh_field(struct cg_message *m, const char *bytes,
                        const struct cg_message_field *f) {
  for (size_t i = 0; i < sizeof(known_fields) / sizeof(*known_fields); i++) {
    const struct known *k = &known_fields[i];
    if (k->len != f->name.len || strncasecmp(bytes + f->name.at, k->name, k->len) != 0)
      continue;
    if (k->once && m->seen & 1u << i)
      return malformed(m, "a field that may stand once stands twice");
    m->seen |= 1u << i;
    return !k->take || k->take(m, bytes, f->value);
  }
  return true;
}

static bool take_field(struct cg_message *m, const struct cg_message_limits *limits,
                       const char *bytes, struct cg_span line) {
  if (m->n_fields >= limits->max_headers || m->n_fields >= CG_MESSAGE_HEADERS_MAX)
    return refuse(m, CG_E_HEADERS, "there are more than 64 header fields");
  if (!memchr(bytes + line.at, ':', line.len))
    return malformed(m, "a header line has no colon");
  struct cg_message_field *f = &m->fields[m->n_fields++];
  f->name = cut(&line, bytes, ':');
  f->value = cg_span_trim(bytes, line);
  if (!cg_is_token(bytes + f->name.at, f->name.len))
    return malformed(m, "a header name is not a token, or is folded");
  return weigh_field(m, bytes, f);
}

static bool refuses_body(enum cg_method m) {
  return m == CG_GET || m == CG_HEAD || m == CG_DELETE;
}

static bool needs_length(enum cg_method m) {
  return m == CG_POST || m == CG_PUT || m == CG_PATCH;
}

static bool end_head(struct cg_message *m, const struct cg_message_limits *limits) {
  m->head_len = m->line;
  m->head_done = true;
  if (!(m->seen & 1) && !m->http10) return malformed(m, "there is no Host");
  if (m->has_length && m->body_len && refuses_body(m->method))
    return malformed(m, "GET, HEAD and DELETE take no body here");
  if (!m->has_length && needs_length(m->method))
    return refuse(m, CG_E_LENGTH_REQUIRED, "Content-Length is missing");
  if (m->body_len > limits->max_body)
    return refuse(m, CG_E_TOO_LARGE, "the body is longer than this server takes");
  if (m->http10) m->close = true, m->expect_continue = false;
  if (m->body_len == 0) m->expect_continue = false;
  return true;
}

static bool take_line(struct cg_message *m, const struct cg_message_limits *limits,
                      const char *bytes, struct cg_span line) {
  if (m->has_line)
    return line.len ? take_field(m, limits, bytes, line) : end_head(m, limits);
  if (line.len) return take_request_line(m, bytes, line);
  if (m->skipped_empty) return malformed(m, "there are empty lines before the request");
  m->skipped_empty = true; /* RFC 9112 2.2: one is robust, more is noise */
  return true;
}

static bool within(struct cg_message *m, const struct cg_message_limits *limits,
                   uint32_t at) {
  if (!m->has_line && at - m->line >= CG_TARGET_MAX + METHOD_MAX + 16)
    return refuse(m, CG_E_URI_TOO_LONG, "the request line is too long");
  if (at >= limits->max_head)
    return refuse(m, CG_E_HEADERS, "the request's head is longer than this server takes");
  return true;
}

/* Byte by byte, so that each byte is judged alike however the input was cut. */
static bool scan_byte(struct cg_message *m, const char *bytes, uint32_t at) {
  char c = bytes[at], before = at > m->line ? bytes[at - 1] : '\0';
  if (c == '\n') return before == '\r' || malformed(m, "a line ends without CR");
  if (before == '\r') return malformed(m, "a CR stands alone");
  if (c != '\r' && !cg_ch(c, CG_CH_LINE))
    return malformed(m, "the head holds a control character");
  if (at == m->line && !m->has_line && c != '\r' && !cg_ch(c, CG_CH_TOKEN))
    return malformed(m, "this does not look like HTTP");
  return true;
}

static void scan_head(struct cg_message *m, const struct cg_message_limits *limits,
                      const char *bytes, size_t len) {
  while (m->scanned < len && !m->head_done) {
    uint32_t at = m->scanned++;
    if (!within(m, limits, at) || !scan_byte(m, bytes, at)) return;
    if (bytes[at] != '\n') continue;
    struct cg_span line = {m->line, at - 1 - m->line};
    m->line = m->scanned;
    if (!take_line(m, limits, bytes, line)) return;
  }
}

enum cg_message_state cg_message_feed(struct cg_message *m,
                                      const struct cg_message_limits *limits,
                                      const char *bytes, size_t len) {
  if (m->state != CG_MESSAGE_MORE) return m->state;
  if (!m->head_done) scan_head(m, limits, bytes, len);
  m->begun = m->has_line || m->line < len;
  if (m->state == CG_MESSAGE_MORE && m->head_done && len - m->head_len >= m->body_len)
    m->state = CG_MESSAGE_READY;
  return m->state;
}

size_t cg_message_size(const struct cg_message *m) {
  return (size_t)m->head_len + m->body_len;
}

size_t cg_message_size_max(const struct cg_message_limits *limits) {
  return (size_t)limits->max_head + limits->max_body;
}

size_t cg_message_needs(const struct cg_message *m,
                        const struct cg_message_limits *limits, size_t len) {
  size_t most = limits->max_head + 1;
  if (m->head_done) return 0;
  return len < most ? len : most;
}
