#include "http/wire.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/mem.h"

#define FLAGS      (MSG_NOSIGNAL | MSG_DONTWAIT)
#define HELD_MAX   16
#define HELD_BYTES 4096

struct held {
  struct cg_wire *wire;
  size_t n;
  char bytes[HELD_BYTES];
};

struct cg_outbox {
  bool open;
  size_t n;
  struct held held[HELD_MAX];
};

bool cg_wire_closes(const struct cg_wire *w) {
  return w->last || w->listener->draining;
}

static ssize_t send_now(struct bufferevent *bev, struct iovec *iov, int n) {
  struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)n};
  ssize_t sent;
  do
    sent = n == 1 ? send(bufferevent_getfd(bev), iov->iov_base, iov->iov_len, FLAGS)
                  : sendmsg(bufferevent_getfd(bev), &msg, FLAGS);
  while (sent < 0 && errno == EINTR);
  if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) return 0;
  return sent;
}

enum cg_sent cg_wire_send(struct cg_wire *w, struct iovec *iov, int n) {
  struct evbuffer *out = bufferevent_get_output(w->bev);
  size_t skip = 0;
  if (!w->listener->tls && evbuffer_get_length(out) == 0) {
    ssize_t sent = send_now(w->bev, iov, n);
    if (sent < 0) return CG_SENT_BROKEN;
    skip = (size_t)sent;
  }
  bool queued = false;
  for (int i = 0; i < n; i++) {
    size_t part = iov[i].iov_len < skip ? iov[i].iov_len : skip;
    skip -= part;
    if (part == iov[i].iov_len) continue;
    queued = true;
    if (evbuffer_add(out, (char *)iov[i].iov_base + part, iov[i].iov_len - part) < 0)
      return CG_SENT_BROKEN;
  }
  return queued ? CG_SENT_QUEUED : CG_SENT_ALL;
}

size_t cg_wire_unsent(const struct cg_wire *w) {
  return evbuffer_get_length(bufferevent_get_output(w->bev));
}

bool cg_wire_continue(struct cg_wire *w) {
  char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
  struct iovec iov = {text, strlen(text)};
  return cg_wire_send(w, &iov, 1) != CG_SENT_BROKEN;
}

/* The connection has to go on, and neither a client's byte nor a write calls it. */
static bool must_call(const struct cg_wire *w, enum cg_sent sent) {
  if (w->inside || sent == CG_SENT_QUEUED) return false;
  return sent == CG_SENT_BROKEN || w->last || cg_intake_length(w->intake) > 0;
}

static void note_sent(struct cg_wire *w, enum cg_sent sent) {
  w->broken = sent == CG_SENT_BROKEN;
  if (must_call(w, sent))
    bufferevent_trigger(w->bev, EV_WRITE,
                        BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static bool can_be_held(const struct cg_wire *w, size_t n) {
  const struct cg_outbox *o = w->listener->outbox;
  return o && o->open && n <= HELD_BYTES && !w->inside && !w->listener->tls &&
         cg_wire_unsent(w) == 0;
}

static void hold(struct cg_outbox *o, struct cg_wire *w, const struct iovec *iov, int n) {
  if (o->n == HELD_MAX) cg_outbox_flush(o);
  struct held *h = &o->held[o->n++];
  h->wire = w;
  h->n = 0;
  for (int i = 0; i < n; i++) {
    memcpy(h->bytes + h->n, iov[i].iov_base, iov[i].iov_len);
    h->n += iov[i].iov_len;
  }
}

void cg_wire_reply(struct cg_wire *w, struct iovec *iov, int n) {
  CG_CHECK(w->exchange);
  w->exchange = NULL;
  w->last = cg_wire_closes(w);
  size_t all = 0;
  for (int i = 0; i < n; i++) all += iov[i].iov_len;
  if (can_be_held(w, all))
    hold(w->listener->outbox, w, iov, n);
  else
    note_sent(w, cg_wire_send(w, iov, n));
}

/* ---- answers of one turn ---- */

struct cg_outbox *cg_outbox_new(void) {
  return cg_alloc(sizeof(struct cg_outbox));
}

void cg_outbox_free(struct cg_outbox *o) {
  CG_CHECK(!o || o->n == 0);
  cg_free(o);
}

void cg_outbox_open(struct cg_outbox *o) {
  o->open = true;
}

void cg_outbox_flush(struct cg_outbox *o) {
  for (size_t i = 0; i < o->n; i++) {
    struct held *h = &o->held[i];
    struct iovec iov = {h->bytes, h->n};
    note_sent(h->wire, cg_wire_send(h->wire, &iov, 1));
  }
  o->n = 0;
}

void cg_outbox_close(struct cg_outbox *o) {
  cg_outbox_flush(o);
  o->open = false;
}

void cg_wire_shut(struct bufferevent *bev) {
  SSL *ssl = bufferevent_openssl_get_ssl(bev);
  if (ssl && SSL_is_init_finished(ssl)) SSL_shutdown(ssl);
  shutdown(bufferevent_getfd(bev), SHUT_WR);
}
