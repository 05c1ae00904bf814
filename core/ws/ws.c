#include "ws/ws.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/conn.h"
#include "http/exchange.h"
#include "http/wire.h"

#define LINGER_MOST (1024 * 1024)

enum state { OPEN, CLOSING, PARTING, LINGERING, ENDED };

struct cg_ws {
  struct cg_ws_conf conf;
  struct bufferevent *bev;
  struct cg_conn *conn; /* that bev is of; NULL: bev is ours, on the client's side */
  struct cg_ws_reader reader;
  struct cg_timer timer; /* for the next of the deadlines */

  enum state state;
  bool client, tls, slow, pinged, eof;
  bool inside; /* a callback of the loop's is on the stack and pushes at its end */
  struct cg_ws_end end;
  int64_t alive_by; /* the next ping, or its pong */
  int64_t write_by; /* queued bytes must have moved; 0: none are queued */
  uint64_t queued;  /* bytes, in all */
  uint64_t moved;   /* of these, out when write_by was set */
  size_t dropped;   /* while it lingers */
};

const struct cg_ws_limits cg_ws_limits_default = {
    .message_most = 64 * 1024,
    .queue_high = 64 * 1024,
    .queue_most = 1024 * 1024,
    .ping_us = 30000000,
    .pong_us = 10000000,
    .write_us = 10000000,
    .close_us = 5000000,
};

static void on_timer(void *arg);

static void set_timer(struct cg_ws *ws, int64_t us) {
  cg_timer_start(&ws->timer, ws->conf.loop, us, on_timer, ws);
}

/* For the next of the deadlines that hold while it is open. */
static void arm(struct cg_ws *ws, int64_t now) {
  int64_t next = ws->slow || (ws->write_by && ws->write_by < ws->alive_by) ? ws->write_by
                                                                           : ws->alive_by;
  set_timer(ws, next - now);
}

static struct evbuffer *output(const struct cg_ws *ws) {
  return bufferevent_get_output(ws->bev);
}

size_t cg_ws_unsent(const struct cg_ws *ws) {
  return evbuffer_get_length(output(ws));
}

/* ---- the end ---- */

static void end_with(struct cg_ws *ws, const char *why) {
  if (ws->state == ENDED) return;
  ws->state = ENDED;
  if (!ws->end.why) ws->end.why = why;
}

static void give_back(struct cg_ws *ws) {
  bufferevent_setcb(ws->bev, NULL, NULL, NULL, NULL);
  if (ws->conn)
    cg_conn_release(ws->conn);
  else if (ws->client)
    bufferevent_free(ws->bev);
}

static void finish(struct cg_ws *ws) {
  ws->conf.events->closed(ws, ws->conf.arg, &ws->end);
  give_back(ws);
  cg_ws_free(ws);
}

/* From within a call of the user's, who must not be called back now. */
static void end_soon(struct cg_ws *ws, const char *why) {
  end_with(ws, why);
  set_timer(ws, 0);
}

/* ---- what goes out ---- */

static void await_write(struct cg_ws *ws, int64_t now) {
  ws->moved = ws->queued - cg_ws_unsent(ws);
  ws->write_by = now + ws->conf.limits->write_us;
}

/* On plain TCP what is queued goes out at once; libevent waits for the socket only with a
 * rest, so that a message costs one system call.  TLS is libevent's in any case. */
static void push(struct cg_ws *ws) {
  struct evbuffer *out = output(ws);
  if (!ws->tls && !(bufferevent_get_enabled(ws->bev) & EV_WRITE)) {
    evbuffer_unfreeze(out, 1);
    evbuffer_write(out, bufferevent_getfd(ws->bev));
    evbuffer_freeze(out, 1);
    if (cg_ws_unsent(ws)) bufferevent_enable(ws->bev, EV_WRITE);
  }
  if (cg_ws_unsent(ws) == 0) {
    ws->write_by = 0;
  } else if (!ws->write_by && ws->state == OPEN) {
    int64_t now = cg_loop_now(ws->conf.loop);
    await_write(ws, now);
    if (ws->timer.due_us > ws->write_by) set_timer(ws, ws->write_by - now);
  }
}

static void become_slow(struct cg_ws *ws) {
  ws->slow = true;
  bufferevent_disable(ws->bev, EV_READ);
  if (ws->conf.events->slow) ws->conf.events->slow(ws, ws->conf.arg, true);
}

static bool queue_frame(struct cg_ws *ws, enum cg_ws_type type, const void *data,
                        size_t len) {
  size_t before = cg_ws_unsent(ws);
  if (!cg_ws_write(output(ws), type, ws->client, data, len)) return false;
  ws->queued += cg_ws_unsent(ws) - before;
  return true;
}

static bool has_room(const struct cg_ws *ws, size_t len) {
  size_t most = ws->conf.limits->queue_most;
  return ws->state == OPEN && len <= most && cg_ws_unsent(ws) <= most - len;
}

/* More is queued now. */
static void weigh_queue(struct cg_ws *ws) {
  size_t high = ws->conf.limits->queue_high;
  if (!ws->inside || cg_ws_unsent(ws) > high) push(ws);
  if (!ws->slow && cg_ws_unsent(ws) > high) become_slow(ws);
}

bool cg_ws_send(struct cg_ws *ws, enum cg_ws_type type, const void *data, size_t len) {
  CG_CHECK(type == CG_WS_TEXT || type == CG_WS_BINARY);
  if (!has_room(ws, len) || !queue_frame(ws, type, data, len)) return false;
  weigh_queue(ws);
  return true;
}

bool cg_ws_send_shared(struct cg_ws *ws, struct cg_ws_shared *s) {
  CG_CHECK(!ws->client); /* whose frames are masked, each by a key of its own */
  size_t len = cg_ws_shared_len(s);
  if (!has_room(ws, len) || !cg_ws_shared_queue(s, output(ws))) return false;
  ws->queued += len;
  weigh_queue(ws);
  return true;
}

static void answer_ping(struct cg_ws *ws, const struct cg_ws_message *m) {
  if (!queue_frame(ws, CG_WS_PONG, m->data, m->len))
    end_with(ws, "there is no memory for a pong");
  else
    weigh_queue(ws);
}

/* What came before it was slow is there still, and no event would tell of it. */
static void read_again(struct cg_ws *ws) {
  ws->slow = false;
  bufferevent_enable(ws->bev, EV_READ);
  bufferevent_trigger(ws->bev, EV_READ,
                      BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static void ease(struct cg_ws *ws) {
  const struct cg_ws_limits *limits = ws->conf.limits;
  if (!ws->slow || cg_ws_unsent(ws) > limits->queue_high / 2) return;
  int64_t least = cg_loop_now(ws->conf.loop) + limits->pong_us;
  if (ws->alive_by < least) ws->alive_by = least; /* its pong could not be read */
  read_again(ws);
  if (ws->conf.events->slow) ws->conf.events->slow(ws, ws->conf.arg, false);
}

/* ---- closing ---- */

static void expect_end(struct cg_ws *ws, enum state state) {
  if (ws->state == OPEN) set_timer(ws, ws->conf.limits->close_us);
  ws->state = state;
  if (ws->slow) read_again(ws); /* also a slow peer's close is to be heard */
}

/* A close frame is out, and then nothing more. */
static bool queue_close(struct cg_ws *ws, uint16_t code, const char *reason, size_t len) {
  char payload[CG_WS_CONTROL_MAX] = {(char)(code >> 8), (char)code};
  CG_CHECK(len <= sizeof payload - 2);
  memcpy(payload + 2, reason, len);
  ws->end.sent = code;
  return queue_frame(ws, CG_WS_CLOSE, payload, code == CG_WS_NO_CODE ? 0 : 2 + len);
}

void cg_ws_close(struct cg_ws *ws, uint16_t code, const char *reason) {
  CG_CHECK(cg_ws_code_valid(code));
  if (ws->state != OPEN) return;
  expect_end(ws, CLOSING);
  if (!queue_close(ws, code, reason, strlen(reason)))
    end_soon(ws, "there is no memory for a close");
  else if (!ws->inside)
    push(ws);
}

/* All is out: the server's side goes first (7.1.1), and who has failed the other. */
static void linger(struct cg_ws *ws) {
  if (ws->eof) {
    end_with(ws, NULL);
    return;
  }
  if (!ws->client || ws->end.why) cg_wire_shut(ws->bev);
  ws->state = LINGERING;
}

static void take_close(struct cg_ws *ws, const struct cg_ws_message *m) {
  bool ok = true;
  ws->end.received = m->code;
  if (ws->state == OPEN) ok = queue_close(ws, m->code, "", 0);
  expect_end(ws, PARTING);
  if (!ok) end_with(ws, "there is no memory for a close");
}

static void fail(struct cg_ws *ws, const struct cg_ws_message *m) {
  bool ok = true;
  ws->end.why = m->data;
  if (ws->state == OPEN) ok = queue_close(ws, m->code, m->data, m->len);
  expect_end(ws, PARTING);
  if (!ok) end_with(ws, m->data);
}

/* ---- what comes in ---- */

static void take_pong(struct cg_ws *ws) {
  if (!ws->pinged) return;
  int64_t now = cg_loop_now(ws->conf.loop);
  ws->pinged = false;
  ws->alive_by = now + ws->conf.limits->ping_us;
  arm(ws, now);
}

static void take(struct cg_ws *ws, const struct cg_ws_message *m) {
  if (m->type == CG_WS_CLOSE)
    take_close(ws, m);
  else if (ws->state != OPEN)
    return; /* our close is out: messages are dropped */
  else if (m->type == CG_WS_PING)
    answer_ping(ws, m);
  else if (m->type == CG_WS_PONG)
    take_pong(ws);
  else
    ws->conf.events->message(ws, ws->conf.arg, m->type, m->data, m->len);
}

static void read_messages(struct cg_ws *ws) {
  struct cg_ws_message m;
  while (ws->state <= CLOSING && !ws->slow) {
    enum cg_ws_read read = cg_ws_reader_next(&ws->reader, &m);
    if (read == CG_WS_MORE) return;
    if (read == CG_WS_MESSAGE)
      take(ws, &m);
    else
      fail(ws, &m);
  }
}

static void drop_input(struct cg_ws *ws) {
  struct evbuffer *in = bufferevent_get_input(ws->bev);
  ws->dropped += evbuffer_get_length(in);
  evbuffer_drain(in, evbuffer_get_length(in));
  if (ws->dropped > LINGER_MOST) end_with(ws, "it goes on sending after the close");
}

/* ---- the bufferevent's callbacks ---- */

/* The last thing that each callback of the loop's does. */
static void settle(struct cg_ws *ws) {
  ws->inside = false;
  if (ws->state != ENDED) push(ws);
  if (ws->state == OPEN) ease(ws);
  if (ws->state == PARTING && cg_ws_unsent(ws) == 0) linger(ws);
  if (ws->state == ENDED) finish(ws);
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct cg_ws *ws = arg;
  (void)bev;
  ws->inside = true;
  read_messages(ws);
  if (ws->state == PARTING || ws->state == LINGERING) drop_input(ws);
  settle(ws);
}

static void on_write(struct bufferevent *bev, void *arg) {
  struct cg_ws *ws = arg;
  if (!ws->tls && cg_ws_unsent(ws) == 0) bufferevent_disable(bev, EV_WRITE);
  settle(ws);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct cg_ws *ws = arg;
  (void)bev;
  bool eof = (what & BEV_EVENT_EOF) && (what & BEV_EVENT_READING);
  ws->eof |= eof;
  if (!eof || ws->state != PARTING) /* what is queued may still be read */
    end_with(ws, ws->state < PARTING ? "the connection is lost" : NULL);
  settle(ws);
}

/* ---- deadlines ---- */

static void ping(struct cg_ws *ws, int64_t now) {
  ws->pinged = true;
  ws->alive_by = now + ws->conf.limits->pong_us;
  if (!queue_frame(ws, CG_WS_PING, NULL, 0))
    end_with(ws, "there is no memory for a ping");
}

static void check_alive(struct cg_ws *ws, int64_t now) {
  if (now < ws->alive_by || ws->slow) return; /* of the slow nothing is read */
  if (ws->pinged)
    end_with(ws, "no pong came");
  else
    ping(ws, now);
}

static void check_write(struct cg_ws *ws, int64_t now) {
  if (!ws->write_by || now < ws->write_by) return;
  if (ws->queued - cg_ws_unsent(ws) == ws->moved)
    end_with(ws, "it reads nothing");
  else
    await_write(ws, now);
}

static void on_timer(void *arg) {
  struct cg_ws *ws = arg;
  int64_t now = cg_loop_now(ws->conf.loop);
  ws->inside = true;
  if (ws->state != OPEN) {
    end_with(ws, ws->state == LINGERING ? NULL : "the close took too long");
  } else {
    check_write(ws, now);
    if (ws->state == OPEN) check_alive(ws, now);
  }
  if (ws->state == OPEN) arm(ws, now);
  settle(ws);
}

/* ---- the connection's side, when it is taken ---- */

static void on_drain(void *arg) {
  cg_ws_close(arg, CG_WS_GOING_AWAY, "the server is stopping");
}

static void on_lost(void *arg) {
  struct cg_ws *ws = arg;
  ws->conn = NULL;
  end_with(ws, "the server has stopped");
  finish(ws);
}

/* ---- birth ---- */

struct cg_ws *cg_ws_new(const struct cg_ws_conf *conf) {
  struct cg_ws *ws = cg_alloc(sizeof *ws);
  if (!ws) return NULL;
  ws->conf = *conf;
  ws->end = (struct cg_ws_end){.received = CG_WS_ABNORMAL, .sent = CG_WS_ABNORMAL};
  return ws;
}

void cg_ws_free(struct cg_ws *ws) {
  cg_timer_stop(&ws->timer);
  cg_ws_reader_done(&ws->reader);
  cg_free(ws);
}

static void begin(struct cg_ws *ws, struct bufferevent *bev) {
  const struct cg_ws_limits *limits = ws->conf.limits;
  ws->bev = bev;
  ws->tls = bufferevent_openssl_get_ssl(bev);
  ws->reader = (struct cg_ws_reader){.in = bufferevent_get_input(bev),
                                     .most = limits->message_most,
                                     .from_client = !ws->client};
  ws->alive_by = cg_loop_now(ws->conf.loop) + limits->ping_us;
  set_timer(ws, limits->ping_us);
  bufferevent_setcb(bev, on_read, on_write, on_event, ws);
  bufferevent_setwatermark(bev, EV_READ, 0, 0);
  bufferevent_setwatermark(bev, EV_WRITE, limits->queue_high / 2, 0);
  /* With TLS to enable is to read, which leaves 48 KiB of buffers when nothing comes. */
  bufferevent_enable(bev, (EV_READ | EV_WRITE) & ~bufferevent_get_enabled(bev));
  if (!ws->tls && cg_ws_unsent(ws) == 0) bufferevent_disable(bev, EV_WRITE);
  if (evbuffer_get_length(ws->reader.in)) /* sent with the handshake */
    bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

bool cg_ws_begin_taken(struct cg_ws *ws, struct cg_exchange *x) {
  struct bufferevent *bev = x->wire->bev;
  ws->conn = cg_conn_take_over(x, &(struct cg_conn_owner){on_drain, on_lost, ws});
  if (ws->conn)
    begin(ws, bev);
  else
    cg_ws_free(ws);
  return ws->conn;
}

void cg_ws_begin_dialled(struct cg_ws *ws, struct bufferevent *bev) {
  ws->client = true;
  begin(ws, bev);
}
