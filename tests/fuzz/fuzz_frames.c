/* A WebSocket's bytes, whole and in pieces: the same messages or the same failure, a text
 * is UTF-8, a bound holds, and what was read says the same when it is written again.
 *
 * First byte: bit 0 says whose side reads, the rest how long the pieces are. */
#include <event2/buffer.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "ws/frames.h"

#define MOST      5000
#define TOLD_MAX  (1 << 20)
#define CODE_TOLD 3
#define INPUT_MAX 32768

struct told {
  size_t len;
  bool failed;
  char text[TOLD_MAX];
};

static void add(struct told *t, const void *data, size_t n) {
  if (n > sizeof t->text - t->len) abort();
  if (n) memcpy(t->text + t->len, data, n);
  t->len += n;
}

static bool is_utf8(const char *data, size_t n) {
  struct cg_utf8 u = {0};
  return cg_utf8_feed(&u, data, n) && cg_utf8_ends(&u);
}

static void check_message(const struct cg_ws_message *m) {
  bool control = m->type >= CG_WS_CLOSE;
  CG_CHECK(m->len <= (control ? CG_WS_CONTROL_MAX : MOST));
  if (m->type == CG_WS_TEXT || m->type == CG_WS_CLOSE) CG_CHECK(is_utf8(m->data, m->len));
  if (m->type == CG_WS_CLOSE)
    CG_CHECK(m->code == CG_WS_NO_CODE || cg_ws_code_valid(m->code));
}

/* Written by one side, it is the other's to read. */
static void check_written(const struct cg_ws_message *m, bool client) {
  struct cg_ws_message again;
  struct cg_ws_reader r = {.in = evbuffer_new(), .most = MOST, .from_client = client};
  if (m->type == CG_WS_CLOSE) goto out; /* its code is no part of data */
  CG_CHECK(cg_ws_write(r.in, m->type, client, m->data, m->len));
  CG_CHECK(cg_ws_reader_next(&r, &again) == CG_WS_MESSAGE);
  CG_CHECK(again.type == m->type && again.len == m->len &&
           memcmp(again.data, m->data, m->len) == 0);
  CG_CHECK(cg_ws_reader_next(&r, &again) == CG_WS_MORE && !r.frames);
out:
  cg_ws_reader_done(&r);
  evbuffer_free(r.in);
}

static void hear(struct cg_ws_reader *r, struct told *t) {
  struct cg_ws_message m;
  enum cg_ws_read read;
  while ((read = cg_ws_reader_next(r, &m)) != CG_WS_MORE) {
    CG_CHECK(!t->failed);
    t->failed = read == CG_WS_FAILED;
    if (!t->failed) check_message(&m);
    if (!t->failed) check_written(&m, r->from_client);
    const char head[CODE_TOLD] = {t->failed ? 'f' : (char)m.type, (char)(m.code >> 8),
                                  (char)m.code};
    add(t, head, sizeof head);
    add(t, m.data, m.len);
  }
}

static void read_in_pieces(const char *bytes, size_t n, size_t piece, bool client,
                           struct told *t) {
  struct cg_ws_reader r = {.in = evbuffer_new(), .most = MOST, .from_client = client};
  t->len = 0;
  t->failed = false;
  for (size_t at = 0; at < n; at += piece) {
    evbuffer_add(r.in, bytes + at, n - at < piece ? n - at : piece);
    hear(&r, t);
    CG_CHECK(r.len <= MOST && r.cap <= 2 * MOST + 1024);
  }
  cg_ws_reader_done(&r);
  evbuffer_free(r.in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct told whole, cut;
  if (size < 2 || size > INPUT_MAX) return 0;
  bool client = data[0] & 1;
  const char *bytes = (const char *)data + 1;
  size_t n = size - 1, piece = 1 + (data[0] >> 1);
  read_in_pieces(bytes, n, n, client, &whole);
  read_in_pieces(bytes, n, piece, client, &cut);
  CG_CHECK(whole.failed == cut.failed && whole.len == cut.len &&
           memcmp(whole.text, cut.text, cut.len) == 0);
  return 0;
}
