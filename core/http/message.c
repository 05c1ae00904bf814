#include "http/message.h"

#include <string.h>
#include <strings.h>

#include "http/chars.h"
#include "http/target.h"

#define METHOD_MAX        24
#define LINE_MAX          (CG_TARGET_MAX + METHOD_MAX + 16) /* of the first one */
#define LENGTH_DIGITS_MAX 9

static const struct method {
  const char *name;
  size_t len;
} methods[] = {
#define METHOD(m, name) [m] = {name, sizeof(name) - 1}
    METHOD(CG_GET, "GET"),         METHOD(CG_HEAD, "HEAD"),
    METHOD(CG_POST, "POST"),       METHOD(CG_PUT, "PUT"),
    METHOD(CG_PATCH, "PATCH"),     METHOD(CG_DELETE, "DELETE"),
    METHOD(CG_OPTIONS, "OPTIONS"), METHOD(CG_METHOD_OTHER, ""),
#undef METHOD
};

const char *cg_method_name(enum cg_method m) {
  return methods[m].name;
}

static uint32_t token_length(const char *s, size_t n) {
  uint32_t i = 0;
  while (i < n && cg_ch(s[i], CG_CH_TOKEN)) i++;
  return i;
}

bool cg_is_token(const char *s, size_t n) {
  return n > 0 && token_length(s, n) == n;
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

static bool too_long(struct cg_message *m, enum cg_code code, uint32_t bound,
                     const char *why) {
  m->bound = bound;
  return refuse(m, code, why);
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

static enum cg_method method_of(const char *s, size_t n) {
  enum cg_method m = CG_GET;
  while (m < CG_METHOD_OTHER && (methods[m].len != n || memcmp(s, methods[m].name, n)))
    m++;
  return m;
}

static bool take_target(struct cg_message *m, const char *bytes, struct cg_span target) {
  struct cg_target parts = {.path_len = 1};
  bool asterisk = m->method == CG_OPTIONS && cg_span_is(bytes, target, "*");
  const char *why =
      asterisk ? NULL : cg_target_check(bytes + target.at, target.len, &parts);
  if (why) return malformed(m, why);
  m->path = (struct cg_span){target.at + (uint32_t)parts.path, (uint32_t)parts.path_len};
  m->query =
      (struct cg_span){target.at + (uint32_t)parts.query, (uint32_t)parts.query_len};
  return true;
}

/* method SP request-target SP HTTP-version, single spaces (RFC 9112 3). */
static bool take_request_line(struct cg_message *m, const char *bytes,
                              struct cg_span line) {
  m->has_line = true;
  m->method_text = cut(&line, bytes, ' ');
  struct cg_span target = cut(&line, bytes, ' ');
  const char *method = bytes + m->method_text.at, *version = bytes + line.at;
  if (!cg_is_token(method, m->method_text.len) || m->method_text.len > METHOD_MAX)
    return malformed(m, "the request line does not begin with a method");
  if (target.len > CG_TARGET_MAX)
    return too_long(m, CG_E_URI_TOO_LONG, CG_TARGET_MAX, "the target is too long");
  if (line.len != 8 || memcmp(version, "HTTP/1.", 7) != 0 ||
      (version[7] != '0' && version[7] != '1'))
    return malformed(m, "the request line does not end in HTTP/1.1 or HTTP/1.0");
  m->http10 = version[7] == '0';
  m->method = method_of(method, m->method_text.len);
  return take_target(m, bytes, target);
}

static bool take_host(struct cg_message *m, const char *bytes, struct cg_span v) {
  return cg_target_is_authority(bytes + v.at, v.len) ||
         malformed(m, "Host is not a host and port");
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
  if (!cg_span_is(bytes, v, "chunked"))
    return malformed(m, "Transfer-Encoding is not chunked alone");
  m->chunked = true;
  return true;
}

static bool take_content_coding(struct cg_message *m, const char *bytes,
                                struct cg_span v) {
  m->coded |= v.len && !cg_span_is(bytes, v, "identity");
  return true;
}

/* Does dropping a field of that name change what the message means (RFC 9110 7.6.1)? */
static bool is_for_the_end(const char *name, size_t len);

static bool take_option(struct cg_message *m, const char *bytes, struct cg_span option) {
  const char *name = bytes + option.at;
  if (!cg_is_token(name, option.len))
    return malformed(m, "Connection is not a list of tokens");
  if (cg_span_is(bytes, option, "close")) m->close = true;
  return !is_for_the_end(name, option.len) ||
         malformed(m, "Connection names a field that is not of the connection");
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

/* By length: find_known begins at the first of a length. */
enum known_id {
  HOST = 1,
  EXPECT,
  UPGRADE,
  CONNECTION,
  CONTENT_TYPE,
  AUTHORIZATION,
  CONTENT_LENGTH,
  IDEMPOTENCY_KEY,
  CONTENT_ENCODING,
  TRANSFER_ENCODING,
  SEC_WEBSOCKET_KEY,
  N_KNOWN
};

static const uint8_t first_of_length[] = {[4] = HOST,
                                          [6] = EXPECT,
                                          [7] = UPGRADE,
                                          [10] = CONNECTION,
                                          [12] = CONTENT_TYPE,
                                          [13] = AUTHORIZATION,
                                          [14] = CONTENT_LENGTH,
                                          [15] = IDEMPOTENCY_KEY,
                                          [16] = CONTENT_ENCODING,
                                          [17] = TRANSFER_ENCODING};

/* once: it may stand once.  ends: it is for who answers; Connection may not name it. */
static const struct known {
  const char *name;
  size_t len;
  bool once, ends;
  bool (*take)(struct cg_message *m, const char *bytes, struct cg_span value);
} known_fields[N_KNOWN] = {
#define KNOWN(id, name, once, ends, take)                                                \
  [id] = {name, sizeof(name) - 1, once, ends, take}
    KNOWN(HOST, "host", true, true, take_host),
    KNOWN(EXPECT, "expect", true, true, take_expect),
    KNOWN(UPGRADE, "upgrade", false, false, check_upgrade),
    KNOWN(CONNECTION, "connection", false, true, take_connection),
    KNOWN(CONTENT_TYPE, "content-type", true, true, NULL),
    KNOWN(AUTHORIZATION, "authorization", true, true, NULL),
    KNOWN(CONTENT_LENGTH, "content-length", true, true, take_length),
    KNOWN(IDEMPOTENCY_KEY, "idempotency-key", true, false, NULL),
    KNOWN(CONTENT_ENCODING, "content-encoding", false, true, take_content_coding),
    KNOWN(TRANSFER_ENCODING, "transfer-encoding", true, true, take_coding),
    KNOWN(SEC_WEBSOCKET_KEY, "sec-websocket-key", true, false, NULL),
#undef KNOWN
};

/* name is a token: setting bit 5 makes no other of its bytes a letter or '-'. */
static bool is_name(const char *name, const struct known *k) {
  for (size_t i = 0; i < k->len; i++)
    if ((name[i] | 0x20) != k->name[i]) return false;
  return true;
}

static const struct known *find_known(const char *name, size_t len) {
  size_t i = len < sizeof first_of_length ? first_of_length[len] : 0;
  for (; i && i < N_KNOWN && known_fields[i].len == len; i++)
    if (is_name(name, &known_fields[i])) return &known_fields[i];
  return NULL;
}

static bool is_for_the_end(const char *name, size_t len) {
  const struct known *k = find_known(name, len);
  return k && k->ends;
}

static bool weigh_field(struct cg_message *m, const char *bytes,
                        const struct cg_message_field *f) {
  const struct known *k = find_known(bytes + f->name.at, f->name.len);
  if (!k) return true;
  uint32_t bit = 1u << (k - known_fields);
  if (k->once && m->seen & bit)
    return malformed(m, "a field that may stand once stands twice");
  m->seen |= bit;
  return !k->take || k->take(m, bytes, f->value);
}

static bool take_field(struct cg_message *m, const struct cg_message_limits *limits,
                       const char *bytes, struct cg_span line) {
  if (m->n_fields >= limits->max_headers || m->n_fields >= CG_MESSAGE_HEADERS_MAX)
    return refuse(m, CG_E_HEADERS, "there are more than 64 header fields");
  const char *s = bytes + line.at;
  uint32_t name = token_length(s, line.len);
  if (name == 0 || name == line.len || s[name] != ':')
    return malformed(m, memchr(s, ':', line.len)
                            ? "a header name is not a token, or is folded"
                            : "a header line has no colon");
  struct cg_message_field *f = &m->fields[m->n_fields++];
  f->name = (struct cg_span){line.at, name};
  f->value =
      cg_span_trim(bytes, (struct cg_span){line.at + name + 1, line.len - name - 1});
  return weigh_field(m, bytes, f);
}

/* ---- the head's end, and the body ---- */

static bool takes_no_body(const struct cg_message *m) {
  return m->method == CG_GET || m->method == CG_HEAD || m->method == CG_DELETE;
}

static bool refuse_body(struct cg_message *m) {
  return malformed(m, "GET, HEAD and DELETE take no body here");
}

static bool refuse_length(struct cg_message *m, uint32_t bound) {
  return too_long(m, CG_E_TOO_LARGE, bound, "the body is longer than this server takes");
}

static bool end_head(struct cg_message *m, const struct cg_message_limits *limits) {
  m->head_len = m->line;
  m->head_done = true;
  if (!(m->seen & 1u << HOST) && !m->http10) return malformed(m, "there is no Host");
  if (m->chunked && m->http10)
    return malformed(m, "Transfer-Encoding is not of HTTP/1.0");
  if (m->chunked && m->has_length)
    return malformed(m, "Content-Length stands beside Transfer-Encoding");
  if (m->body_len && takes_no_body(m)) return refuse_body(m);
  if (m->body_len > limits->max_body) return refuse_length(m, limits->max_body);
  if (m->http10) m->close = true, m->expect_continue = false;
  if (!m->body_len && !m->chunked) m->expect_continue = false;
  cg_chunked_init(&m->chunks, takes_no_body(m) ? 0 : limits->max_body, limits->max_head);
  return true;
}

static void take_chunks(struct cg_message *m, const char *bytes, size_t len) {
  switch (cg_chunked_feed(&m->chunks, bytes + m->head_len, len - m->head_len)) {
  case CG_CHUNKED_MORE: break;
  case CG_CHUNKED_DONE:
    m->body_len = m->chunks.data;
    m->state = CG_MESSAGE_READY;
    break;
  case CG_CHUNKED_BROKEN: malformed(m, m->chunks.why); break;
  case CG_CHUNKED_TOO_LONG:
    takes_no_body(m) ? refuse_body(m) : refuse_length(m, m->chunks.max_data);
    break;
  case CG_CHUNKED_TOO_MANY:
    refuse(m, CG_E_TOO_LARGE, "the body is in too many chunks");
    break;
  }
}

static void take_body(struct cg_message *m, const char *bytes, size_t len) {
  if (m->chunked)
    take_chunks(m, bytes, len);
  else if (len - m->head_len >= m->body_len)
    m->state = CG_MESSAGE_READY;
}

/* ---- lines ---- */

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
  if (!m->has_line && at - m->line >= LINE_MAX)
    return refuse(m, CG_E_URI_TOO_LONG, "the request line is too long");
  if (at >= limits->max_head)
    return too_long(m, CG_E_HEADERS, limits->max_head,
                    "the request's head is longer than this server takes");
  return true;
}

/* Has one of 8 bytes a value below 0x20, or 0x7f?  (Bit Twiddling Hacks, hasless) */
static bool has_control(uint64_t w) {
  const uint64_t ones = UINT64_MAX / 0xff, del = w ^ ones * 0x7f;
  return (((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & ones * 0x80;
}

/* -> the first byte from `at` on that may not stand in a line, or `end` */
static uint32_t skip_text(const char *bytes, uint32_t at, uint32_t end) {
  uint64_t w;
  for (; end - at >= sizeof w; at += (uint32_t)sizeof w) {
    memcpy(&w, bytes + at, sizeof w);
    if (has_control(w)) break;
  }
  while (at < end && cg_ch(bytes[at], CG_CH_LINE)) at++;
  return at;
}

static uint32_t text_bound(const struct cg_message *m,
                           const struct cg_message_limits *limits, size_t len) {
  size_t most = limits->max_head;
  if (!m->has_line && m->line + LINE_MAX < most) most = m->line + LINE_MAX;
  return (uint32_t)(len < most ? len : most);
}

/* Reads on to the next byte that is no text, that byte included.  What it says of a byte
 * depends on those before it alone, however the input was cut.  -> may it go on? */
static bool scan_some(struct cg_message *m, const struct cg_message_limits *limits,
                      const char *bytes, size_t len) {
  uint32_t at = m->scanned;
  if (!within(m, limits, at)) return false;
  if (at > m->line && bytes[at - 1] == '\r') {
    if (bytes[at] != '\n') return malformed(m, "a CR stands alone");
    struct cg_span line = {m->line, at - 1 - m->line};
    m->scanned = m->line = at + 1;
    return take_line(m, limits, bytes, line);
  }
  if (at == m->line && !m->has_line && cg_ch(bytes[at], CG_CH_LINE) &&
      !cg_ch(bytes[at], CG_CH_TOKEN))
    return malformed(m, "this does not look like HTTP");
  uint32_t end = text_bound(m, limits, len);
  at = m->scanned = skip_text(bytes, at, end);
  if (at == end) return true;
  m->scanned++;
  return bytes[at] == '\r' ||
         malformed(m, bytes[at] == '\n' ? "a line ends without CR"
                                        : "the head holds a control character");
}

enum cg_message_state cg_message_feed(struct cg_message *m,
                                      const struct cg_message_limits *limits,
                                      const char *bytes, size_t len) {
  if (m->state != CG_MESSAGE_MORE) return m->state;
  while (!m->head_done && m->scanned < len && scan_some(m, limits, bytes, len)) continue;
  m->begun = m->has_line || m->line < len;
  if (m->state == CG_MESSAGE_MORE && m->head_done) take_body(m, bytes, len);
  return m->state;
}

size_t cg_message_size(const struct cg_message *m) {
  return (size_t)m->head_len + m->body_len + (m->chunked ? m->chunks.framing : 0);
}

size_t cg_message_size_max(const struct cg_message_limits *limits) {
  return (size_t)limits->max_head + limits->max_body + limits->max_head;
}

size_t cg_message_needs(const struct cg_message *m,
                        const struct cg_message_limits *limits, size_t len) {
  size_t most = m->chunked ? SIZE_MAX : m->head_done ? 0 : limits->max_head + 1;
  return len < most ? len : most;
}

void cg_message_copy(const struct cg_message *m, const char *bytes, char *out) {
  memcpy(out, bytes, m->head_len + (m->chunked ? 0 : m->body_len));
  if (m->chunked) cg_chunked_copy(bytes + m->head_len, out + m->head_len);
}
