#include "http/guard.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <evhtp/evhtp.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/exchange.h"
#include "http/send.h"
#include "http/server.h"

#define REFUSAL_MAX  2048
#define LINGER_BYTES (1024 * 1024)
#define REFUSING_MAX 64 /* connections over the bound that are told so, at a time */
#define NEVER        INT64_MAX

static const char continue_answer[] = "HTTP/1.1 100 Continue\r\n\r\n";

enum state { READING, BUSY, LINGER };

struct cg_guard {
  struct cg_guards *all;
  struct cg_guard *next, **prev;
  evhtp_connection_t *conn;
  struct bufferevent *bev;

  enum state state;
  bool inside;  /* the handler is on the stack */
  bool replied; /* the answer is sent or queued */
  bool last;    /* close after this answer */
  bool broken;  /* sending failed: close as soon as the handler has returned */
  bool continued, eof, shut, over;
  bool excused; /* a deadline of this request has been put off: we had not read yet */
  bool *dead;   /* of whoever must know that a call freed the guard */

  struct cg_message message;
  struct cg_exchange *exchange; /* out and unanswered */
  int64_t deadline, told_us;
  size_t queued, dropped;
  size_t seen; /* bytes of the input that the reader of messages was shown */
  struct cg_addr peer;
  char address[CG_ADDR_TEXT];
};

static int64_t now(const struct cg_guard *g) {
  return g->all->clock->mono_us(g->all->clock);
}

static void expire_in(struct cg_guard *g, int64_t us) {
  g->deadline = now(g) + us;
}

static struct evbuffer *input(struct cg_guard *g) {
  return bufferevent_get_input(g->bev);
}

static size_t unsent(struct cg_guard *g) {
  return evbuffer_get_length(bufferevent_get_output(g->bev));
}

bool cg_guard_closing(const struct cg_guard *g) {
  return g->last || g->message.close || g->all->draining;
}

const struct cg_addr *cg_guard_peer(const struct cg_guard *g) {
  return &g->peer;
}

bool cg_guard_bodiless(const struct cg_guard *g) {
  return g->message.method == CG_HEAD;
}

const char *cg_guard_address(const struct cg_guard *g) {
  return g->address;
}

int64_t *cg_guard_told(struct cg_guard *g) {
  return &g->told_us;
}

static void close_now(struct cg_guard *g) {
  evhtp_connection_free(g->conn); /* calls on_fini */
}

static void unlink_guard(struct cg_guard *g) {
  if (g->all->cursor == g) g->all->cursor = g->next;
  if (g->next) g->next->prev = g->prev;
  *g->prev = g->next;
  g->all->open--;
  g->all->refusing -= g->over;
  cg_peers_drop(g->all->peers, cg_addr_client(&g->peer));
}

static evhtp_res on_fini(evhtp_connection_t *conn, void *arg) {
  struct cg_guard *g = arg;
  (void)conn;
  if (g->dead) *g->dead = true;
  struct cg_exchange *x = g->exchange;
  g->exchange = NULL;
  unlink_guard(g);
  if (x) cg_exchange_left(x);
  cg_free(g);
  return EVHTP_RES_OK;
}

/* Runs a call that may free the guard; false: it is gone.  Nests. */
#define SURVIVES(g, call)                                                                \
  ({                                                                                     \
    bool gone_ = false;                                                                  \
    bool *outer_ = (g)->dead;                                                            \
    (g)->dead = &gone_;                                                                  \
    call;                                                                                \
    if (!gone_)                                                                          \
      (g)->dead = outer_;                                                                \
    else if (outer_)                                                                     \
      *outer_ = true;                                                                    \
    !gone_;                                                                              \
  })

/* ---- the end of a connection ---- */

static void shut_down(struct cg_guard *g) {
  g->shut = true;
  SSL *ssl = g->all->tls ? bufferevent_openssl_get_ssl(g->bev) : NULL;
  if (ssl && SSL_is_init_finished(ssl)) SSL_shutdown(ssl);
  shutdown(bufferevent_getfd(g->bev), SHUT_WR);
  expire_in(g, g->all->limits->linger_us);
}

static void drop_input(struct cg_guard *g) {
  size_t n = evbuffer_get_length(input(g));
  g->dropped += n;
  evbuffer_drain(input(g), n);
  if (g->dropped > LINGER_BYTES) close_now(g);
}

/* The last answer is on its way, or all out when nothing is unsent. */
static void linger(struct cg_guard *g) {
  g->state = LINGER;
  if (unsent(g)) {
    g->queued = unsent(g);
    expire_in(g, g->all->limits->write_us);
  } else if (g->eof) {
    close_now(g);
    return;
  } else {
    shut_down(g);
  }
  drop_input(g);
}

static void refuse(struct cg_guard *g, enum cg_code code, const char *why) {
  char answer[REFUSAL_MAX];
  size_t n = g->all->refusal(g->all->server, g, code, why, answer, sizeof answer);
  struct iovec iov = {answer, n};
  if (cg_send(g->bev, g->all->tls, &iov, 1) == CG_SENT_BROKEN)
    close_now(g);
  else
    linger(g);
}

/* ---- one request ---- */

static void next_request(struct cg_guard *g) {
  g->state = READING;
  g->replied = g->continued = g->excused = false;
  g->seen = 0;
  cg_message_init(&g->message);
  g->deadline = g->all->swept_us + g->all->limits->idle_us; /* no clock per request */
}

/* The answer is all out. */
static void finish(struct cg_guard *g) {
  if (g->last)
    linger(g);
  else
    next_request(g);
}

/* After an answer: finishes it, or waits for the write callback. */
static void settle(struct cg_guard *g) {
  if (g->broken) {
    close_now(g);
  } else if (unsent(g)) {
    g->queued = unsent(g);
    expire_in(g, g->all->limits->write_us);
  } else {
    finish(g);
  }
}

void cg_guard_reply(struct cg_guard *g, struct iovec *iov, int n) {
  CG_CHECK(g->exchange && g->state == BUSY && !g->replied);
  g->exchange = NULL;
  g->replied = true;
  g->last = cg_guard_closing(g);
  g->broken = cg_send(g->bev, g->all->tls, iov, n) == CG_SENT_BROKEN;
  if (g->inside) return; /* deliver goes on */
  if (!SURVIVES(g, settle(g))) return;
  if (g->state == READING && evbuffer_get_length(input(g)))
    bufferevent_trigger(g->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

static void deliver(struct cg_guard *g) {
  size_t total = g->message.head_len + g->message.body_len;
  char *bytes = (char *)evbuffer_pullup(input(g), (ev_ssize_t)total);
  struct cg_exchange *x =
      bytes ? g->all->begin(g->all->server, g, &g->message, bytes) : NULL;
  if (!x) {
    refuse(g, CG_E_MEMORY, "there is no memory for this request");
    return;
  }
  g->exchange = x;
  g->state = BUSY;
  g->deadline = NEVER;
  evbuffer_drain(input(g), total); /* what is behind it waits there */
  g->inside = true;
  g->all->dispatch(g->all->server, x); /* frees no guard: a reply in it only notes */
  g->inside = false;
  if (g->replied) settle(g);
}

static void send_continue(struct cg_guard *g) {
  char text[sizeof continue_answer];
  memcpy(text, continue_answer, sizeof text);
  struct iovec iov = {text, sizeof text - 1};
  g->continued = true;
  if (cg_send(g->bev, g->all->tls, &iov, 1) == CG_SENT_BROKEN) close_now(g);
}

/* A request has begun and more of it must come; the clocks start once each. */
static void await_more(struct cg_guard *g, bool had_begun, bool had_head) {
  const struct cg_server_limits *limits = g->all->limits;
  if (g->message.begun && !had_begun) expire_in(g, limits->header_us);
  if (!g->message.head_done || had_head) return;
  expire_in(g, limits->body_us);
  if (g->message.expect_continue && !g->continued) send_continue(g);
}

/* Text of the message that the reader needs now: the head, or just its length. */
static bool read_some(struct cg_guard *g) {
  struct evbuffer *in = input(g);
  size_t len = evbuffer_get_length(in), head = g->all->limits->message.max_head;
  size_t need = len < head + 1 ? len : head + 1;
  if (len == 0) return false;
  const char *bytes =
      g->message.head_done ? "" : (char *)evbuffer_pullup(in, (ev_ssize_t)need);
  if (!bytes) {
    close_now(g);
    return false;
  }
  g->seen = len;
  bool had_begun = g->message.begun, had_head = g->message.head_done;
  cg_message_feed(&g->message, &g->all->limits->message, bytes,
                  g->message.head_done ? len : need);
  if (!had_head &&
      g->message.head_done) /* the body may reach beyond what was pulled up */
    cg_message_feed(&g->message, &g->all->limits->message, bytes, len);
  bool whole = g->message.state != CG_MESSAGE_MORE;
  if (!whole) await_more(g, had_begun, had_head); /* may free the guard */
  return whole;
}

static void read_requests(struct cg_guard *g) {
  bool alive = true, some = true;
  while (alive && some && g->state == READING) {
    alive = SURVIVES(g, some = read_some(g));
    if (!alive || !some) return;
    if (g->message.state == CG_MESSAGE_REFUSED)
      alive = SURVIVES(g, refuse(g, g->message.code, g->message.why));
    else
      alive = SURVIVES(g, deliver(g));
  }
}

/* ---- the bufferevent's callbacks ---- */

static void on_read(struct bufferevent *bev, void *arg) {
  struct cg_guard *g = arg;
  (void)bev;
  if (g->state == LINGER)
    drop_input(g);
  else if (g->state == READING)
    read_requests(g);
}

static void on_write(struct bufferevent *bev, void *arg) {
  struct cg_guard *g = arg;
  (void)bev;
  if (unsent(g)) return;
  if (g->state == LINGER && !g->shut) {
    linger(g);
  } else if (g->state == BUSY && g->replied && !g->inside) {
    if (SURVIVES(g, finish(g)) && g->state == READING) read_requests(g);
  }
}

static void on_eof(struct cg_guard *g) {
  g->eof = true;
  if (g->state == READING && g->message.begun)
    refuse(g, CG_E_MALFORMED, "the request ended before it was whole");
  else if (g->state == BUSY && g->replied)
    g->last = true; /* what is queued may still be read */
  else if (g->state == READING || g->shut || g->state == BUSY)
    close_now(g);
}

/* TLS is up: the request has its whole time, however long the two took to get here. */
static void on_handshake(struct cg_guard *g) {
  if (g->state != READING) return;
  g->excused = false;
  expire_in(g, g->all->limits->header_us);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct cg_guard *g = arg;
  (void)bev;
  if (what & BEV_EVENT_CONNECTED)
    on_handshake(g);
  else if ((what & BEV_EVENT_EOF) && !(what & BEV_EVENT_WRITING))
    on_eof(g);
  else
    close_now(g);
}

/* ---- attach, sweep, drain ---- */

bool cg_guard_attach(struct cg_guards *all, evhtp_connection_t *c) {
  struct cg_addr peer = cg_addr_of(c->saddr);
  if (!all->admit(all->server, &peer)) return false;
  struct cg_guard *g = cg_alloc(sizeof *g);
  if (!g) return false;
  uint64_t client = cg_addr_client(&peer);
  uint32_t of_peer = cg_peers_add(all->peers, client);
  g->over = all->open - all->refusing >= all->limits->connections ||
            of_peer > all->limits->connections_per_address;
  if (of_peer == 0 || (g->over && all->refusing >= REFUSING_MAX) ||
      evhtp_connection_set_hook(c, evhtp_hook_on_connection_fini, (evhtp_hook)on_fini,
                                g) < 0) {
    if (of_peer) cg_peers_drop(all->peers, client);
    cg_free(g);
    return false;
  }
  g->all = all;
  g->peer = peer;
  cg_addr_text(&peer, g->address);
  g->conn = c;
  g->bev = c->bev;
  g->next = all->first;
  g->prev = &all->first;
  if (g->next) g->next->prev = &g->next;
  all->first = g;
  all->open++;
  all->refusing += g->over;
  cg_message_init(&g->message);
  expire_in(g, all->limits->header_us);
  fcntl(bufferevent_getfd(g->bev), F_SETFD, FD_CLOEXEC);
  bufferevent_setcb(g->bev, on_read, on_write, on_event, g);
  bufferevent_setwatermark(g->bev, EV_READ, 0,
                           (size_t)all->limits->message.max_head +
                               all->limits->message.max_body);
  if (g->over) refuse(g, CG_E_BUSY, "too many connections");
  return true;
}

static void walk(struct cg_guards *all, void (*visit)(struct cg_guard *g)) {
  all->cursor = all->first;
  while (all->cursor) {
    struct cg_guard *g = all->cursor;
    all->cursor = g->next;
    visit(g);
  }
}

/* Queued bytes must go out at a least rate, or the reader is cut. */
static void expire_write(struct cg_guard *g) {
  size_t left = unsent(g), gone = g->queued - left;
  if (gone < g->all->limits->write_least) {
    close_now(g);
    return;
  }
  g->queued = left;
  expire_in(g, g->all->limits->write_us);
}

static bool has_unread(struct cg_guard *g) {
  int n = 0;
  return evbuffer_get_length(input(g)) > g->seen ||
         (ioctl(bufferevent_getfd(g->bev), FIONREAD, &n) == 0 && n > 0);
}

/* A deadline is for the client's delay, not for ours: bytes that came are read first.
 * Once a request, so that nobody lives by sending when the sweep is due. */
static bool put_off(struct cg_guard *g) {
  if (g->state != READING || g->excused || !has_unread(g)) return false;
  g->excused = true;
  expire_in(g,
            g->message.head_done ? g->all->limits->body_us : g->all->limits->header_us);
  return true;
}

static void expire(struct cg_guard *g) {
  if (g->deadline > g->all->swept_us || put_off(g)) return;
  if (g->state == READING && g->message.begun)
    refuse(g, CG_E_TIMEOUT_CLIENT, "the request took too long to arrive");
  else if (unsent(g))
    expire_write(g);
  else
    close_now(g);
}

void cg_guards_sweep(struct cg_guards *all) {
  all->swept_us = all->clock->mono_us(all->clock);
  walk(all, expire);
}

static void close_idle(struct cg_guard *g) {
  if (g->state == READING && !g->message.begun) close_now(g);
}

void cg_guards_drain(struct cg_guards *all) {
  all->draining = true;
  walk(all, close_idle);
}

void cg_guards_close(struct cg_guards *all) {
  walk(all, close_now);
}
