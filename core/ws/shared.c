#include "ws/shared.h"

#include <event2/buffer.h>

#include "base/mem.h"

#define COPIED_MAX 1024 /* bytes; a reference costs two small pieces of memory */
#define HEAD_MAX   10

struct cg_ws_shared {
  size_t references, len;
  char frame[];
};

struct cg_ws_shared *cg_ws_share(enum cg_ws_type type, const void *data, size_t len) {
  struct cg_ws_shared *s = cg_realloc(NULL, sizeof *s + HEAD_MAX + len);
  struct evbuffer *out = evbuffer_new();
  bool ok = s && out && cg_ws_write(out, type, false, data, len);
  if (ok) {
    s->references = 1;
    s->len = evbuffer_get_length(out);
    evbuffer_remove(out, s->frame, s->len);
  }
  if (out) evbuffer_free(out);
  if (ok) return s;
  cg_free(s);
  return NULL;
}

void cg_ws_shared_drop(struct cg_ws_shared *s) {
  if (--s->references == 0) cg_free(s);
}

size_t cg_ws_shared_len(const struct cg_ws_shared *s) {
  return s->len;
}

static void on_sent(const void *data, size_t len, void *arg) {
  (void)data;
  (void)len;
  cg_ws_shared_drop(arg);
}

bool cg_ws_shared_queue(struct cg_ws_shared *s, struct evbuffer *out) {
  if (s->len <= COPIED_MAX) return evbuffer_add(out, s->frame, s->len) == 0;
  if (evbuffer_add_reference(out, s->frame, s->len, on_sent, s) < 0) return false;
  s->references++;
  return true;
}
