/* The strict reader under hostile bytes.
 *
 * First byte: how many bytes each next part has.  The rest is read whole and in parts,
 * each from a block of exactly its size; both readings must agree, and what a ready
 * message says must hold: spans inside the head, tokens where tokens stand, a decodable
 * target. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/message.h"
#include "http/query.h"
#include "http/target.h"

static const struct cg_message_limits limits = {16384, 64, 65536};

static void feed(struct cg_message *m, const uint8_t *data, size_t n) {
  char *part = malloc(n ? n : 1);
  CG_CHECK(part);
  memcpy(part, data, n);
  cg_message_feed(m, &limits, part, n);
  free(part);
}

static void check_span(const struct cg_message *m, struct cg_span s) {
  CG_CHECK((uint64_t)s.at + s.len <= m->head_len);
}

static void check_query(const char *bytes, struct cg_span s) {
  struct cg_arena *arena = cg_arena_new(NULL, 65536);
  char *copy = arena ? cg_arena_strndup(arena, bytes + s.at, s.len) : NULL;
  struct cg_query *all;
  uint32_t n;
  if (copy && !cg_query_parse(copy, s.len, arena, &all, &n))
    for (uint32_t i = 0; i < n; i++) CG_CHECK(strlen(all[i].name) <= s.len);
  cg_arena_free(arena, NULL);
}

static void check_ready(const struct cg_message *m, const char *bytes, size_t len) {
  struct cg_target target;
  char copy[1 << 18];
  CG_CHECK(cg_message_size(m) <= len &&
           cg_message_size(m) <= cg_message_size_max(&limits));
  CG_CHECK(m->n_fields <= CG_MESSAGE_HEADERS_MAX && m->body_len <= limits.max_body);
  CG_CHECK(memcmp(bytes + m->head_len - 4, "\r\n\r\n", 4) == 0);
  CG_CHECK(!memchr(bytes, '\0', m->head_len));
  check_span(m, m->path);
  bool asterisk = m->method == CG_OPTIONS && cg_span_is(bytes, m->path, "*");
  CG_CHECK(asterisk || !cg_target_check(bytes + m->path.at, m->path.len, &target));
  CG_CHECK(asterisk || target.path_len == m->path.len);
  cg_message_copy(m, bytes, copy);
  CG_CHECK(memcmp(copy, bytes, m->head_len) == 0);
  for (uint32_t i = 0; i < m->n_fields; i++) {
    check_span(m, m->fields[i].name);
    check_span(m, m->fields[i].value);
    CG_CHECK(cg_is_token(bytes + m->fields[i].name.at, m->fields[i].name.len));
    if (cg_span_is(bytes, m->fields[i].name, "transfer-encoding"))
      CG_CHECK(m->chunked && cg_span_is(bytes, m->fields[i].value, "chunked"));
  }
  if (m->query.len) check_query(bytes, m->query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  size_t len = size - 1, least = len / 256 + 1; /* 257 parts at most: each is copied */
  size_t step = data[0] > least ? data[0] : least;
  struct cg_message whole, parts;
  cg_message_init(&whole);
  feed(&whole, data + 1, len);
  cg_message_init(&parts);
  for (size_t n = step < len ? step : len;; n = n + step < len ? n + step : len) {
    feed(&parts, data + 1, n);
    if (n == len) break;
  }
  CG_CHECK(whole.state == parts.state);
  if (whole.state == CG_MESSAGE_REFUSED)
    CG_CHECK(whole.code == parts.code && whole.why == parts.why);
  if (whole.state != CG_MESSAGE_READY) return 0;
  CG_CHECK(whole.head_len == parts.head_len && whole.body_len == parts.body_len);
  CG_CHECK(cg_message_size(&whole) == cg_message_size(&parts));
  check_ready(&whole, (const char *)data + 1, len);
  return 0;
}
