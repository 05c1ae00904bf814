/* The strict reader of HTTP requests: no input breaks it, what it says does not depend on
 * how the bytes were cut, and what it accepts stays inside the bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/message.h"

static const struct cg_message_limits limits = {16384, 64, 65536};

static void inside(const struct cg_message *m, struct cg_span s) {
  CG_CHECK(s.at <= m->head_len && s.len <= m->head_len - s.at);
}

static void check_ready(const struct cg_message *m, size_t size) {
  CG_CHECK((size_t)m->head_len + m->body_len <= size);
  CG_CHECK(m->n_fields <= CG_MESSAGE_HEADERS_MAX);
  inside(m, m->method_text);
  inside(m, m->path);
  inside(m, m->query);
  for (uint32_t i = 0; i < m->n_fields; i++) {
    inside(m, m->fields[i].name);
    inside(m, m->fields[i].value);
  }
}

/* Fed in growing pieces, until it says something final. */
static void feed_in_steps(struct cg_message *m, const char *bytes, size_t size,
                          size_t step) {
  cg_message_init(m);
  for (size_t n = step; m->state == CG_MESSAGE_MORE; n += step) {
    cg_message_feed(m, &limits, bytes, n < size ? n : size);
    if (n >= size) return;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  size_t step = data[0] % 16 + 1;
  /* a copy of the exact size: reading one byte more is seen */
  char *bytes = malloc(size - 1 ? size - 1 : 1);
  if (!bytes) abort();
  memcpy(bytes, data + 1, size - 1);
  size--;

  struct cg_message whole, parts;
  cg_message_init(&whole);
  cg_message_feed(&whole, &limits, bytes, size);
  feed_in_steps(&parts, bytes, size, step);
  CG_CHECK(whole.state == parts.state);
  if (whole.state == CG_MESSAGE_READY) check_ready(&whole, size);
  if (whole.state == CG_MESSAGE_REFUSED) CG_CHECK(whole.code == parts.code && whole.why);
  free(bytes);
  return 0;
}
