#include "http/conn.h"

#include <event2/bufferevent.h>
#include <evhtp/evhtp.h>
#include <fcntl.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/intake.h"
#include "http/refusal.h"
#include "http/wire.h"

#define LINGER_BYTES (1024 * 1024)
#define NEVER        INT64_MAX

enum state { HANDSHAKE, READING, ANSWERING, SENDING, TAKEN, PARTING, LINGERING, CLOSED };

struct cg_conn {
  struct cg_conns *all;
  struct cg_conn *next, **prev;
  struct cg_conn *next_closed;
  evhtp_connection_t *evhtp;
  struct cg_wire wire; /* its bev is ours */
  struct cg_intake intake;

  enum state state;
  bool refusing;  /* over the bound: accepted to be told so */
  bool continued; /* 100 was sent for this request */
  bool excused;   /* a deadline of this request was put off: we had not read yet */
  bool eof;

  int64_t deadline;
  size_t queued;              /* of the answer, when its deadline was last set */
  size_t dropped;             /* while it parts and lingers */
  struct cg_conn_owner owner; /* when TAKEN */
  struct cg_addr peer;
  char address[CG_ADDR_TEXT];
};

static const struct cg_server_limits *limits_of(const struct cg_conn *c) {
  return &c->all->listener->limits;
}

static void expire_in(struct cg_conn *c, int64_t us) {
  c->deadline = cg_listener_now(c->all->listener) + us;
}

/* ---- the end of a connection ---- */

static void close_conn(struct cg_conn *c) {
  struct cg_conns *all = c->all;
  struct cg_exchange *x = c->wire.exchange;
  if (c->state == CLOSED) return;
  c->state = CLOSED;
  c->wire.exchange = NULL;
  bufferevent_setcb(c->wire.bev, NULL, NULL, NULL, NULL);
  bufferevent_disable(c->wire.bev, EV_READ | EV_WRITE);
  cg_intake_close(&c->intake);
  all->open--;
  all->refusing -= c->refusing;
  cg_peers_drop(all->peers, cg_addr_client(&c->peer));
  c->next_closed = all->closed;
  all->closed = c;
  event_active(all->turn_end, EV_TIMEOUT, 0);
  if (x) cg_exchange_left(x);
}

void cg_conn_free(struct cg_conn *c) {
  CG_CHECK(c == c->all->closed);
  c->all->closed = c->next_closed;
  if (c->next) c->next->prev = c->prev;
  *c->prev = c->next;
  evhtp_connection_free(c->evhtp);
  cg_free(c);
}

static void shut_down(struct cg_conn *c) {
  cg_wire_shut(c->wire.bev);
  c->state = LINGERING;
  expire_in(c, limits_of(c)->linger_us);
}

static void drop_input(struct cg_conn *c) {
  c->dropped += cg_intake_drop(&c->intake);
  if (c->dropped > LINGER_BYTES) close_conn(c);
}

/* Queued bytes have write_us to move. */
static void await_write(struct cg_conn *c, enum state state) {
  c->state = state;
  c->queued = cg_wire_unsent(&c->wire);
  expire_in(c, limits_of(c)->write_us);
}

/* The last answer is queued, or all out. */
static void part(struct cg_conn *c) {
  if (cg_wire_unsent(&c->wire))
    await_write(c, PARTING);
  else if (c->eof)
    close_conn(c);
  else
    shut_down(c);
  if (c->state != CLOSED) drop_input(c);
}

static void answer_refusal(struct cg_conn *c, enum cg_code code, const char *why) {
  char answer[CG_REFUSAL_MAX];
  struct cg_refusal refusal = {code, why, c->address, &c->intake.message,
                               cg_intake_head(&c->intake)};
  struct iovec iov = {answer, cg_refusal_write(c->all->listener, &refusal, answer)};
  if (cg_wire_send(&c->wire, &iov, 1) == CG_SENT_BROKEN)
    close_conn(c);
  else
    part(c);
}

/* ---- one request ---- */

static void next_request(struct cg_conn *c) {
  c->state = READING;
  c->continued = c->excused = false;
  c->deadline = c->all->swept_us + limits_of(c)->idle_us; /* no clock per request */
}

/* The answer is all out; it may be of before the drain. */
static void finish(struct cg_conn *c) {
  if (c->wire.last || (c->all->listener->draining && !cg_intake_length(&c->intake)))
    part(c);
  else
    next_request(c);
}

/* Goes on when the exchange has been answered since this was last looked at. */
static void catch_up(struct cg_conn *c) {
  if (c->state != ANSWERING || c->wire.exchange) return;
  if (c->wire.broken)
    close_conn(c);
  else if (cg_wire_unsent(&c->wire))
    await_write(c, SENDING);
  else
    finish(c);
}

/* Says who the client is, and has the request answered: now, or later. */
static void dispatch(struct cg_conn *c, struct cg_exchange *x, bool barred) {
  const struct cg_conns *all = c->all;
  if (barred) {
    cg_listener_count_refusal(all->listener, CG_E_DENIED);
    cg_exchange_failf(x, CG_E_DENIED, "requests from %s are not allowed here",
                      x->client_addr);
  } else if (all->admission) {
    cg_admission_take(all->admission, x);
  } else {
    cg_router_dispatch(all->router, x);
  }
}

static struct cg_exchange *make_exchange(struct cg_conn *c, const struct cg_addr *client,
                                         const char *bytes) {
  char text[CG_ADDR_TEXT];
  bool forwarded = memcmp(client, &c->peer, sizeof *client);
  if (forwarded) cg_addr_text(client, text);
  struct cg_exchange_origin origin = {
      .ctx = c->all->ctx,
      .wire = &c->wire,
      .pool = c->all->arenas,
      .request_id = cg_listener_new_id(c->all->listener),
      .began_us = cg_listener_now(c->all->listener),
      .client_addr = forwarded ? text : c->address,
  };
  return cg_exchange_new(&origin, &c->intake.message, bytes);
}

static void deliver(struct cg_conn *c, const char *bytes) {
  const struct cg_message *m = &c->intake.message;
  struct cg_addr client = cg_access_client(c->all->access, &c->peer, m, bytes);
  struct cg_exchange *x = make_exchange(c, &client, bytes);
  if (!x) {
    answer_refusal(c, CG_E_MEMORY, "there is no memory for this request");
    return;
  }
  c->wire.exchange = x;
  c->wire.last = m->close;
  c->state = ANSWERING;
  c->deadline = NEVER;
  cg_intake_consume(&c->intake); /* what is behind it waits there */
  c->wire.inside = true;
  dispatch(c, x, !cg_access_admits(c->all->access, &client));
  c->wire.inside = false;
  catch_up(c);
}

/* A request has begun and more of it must come; the clocks start once each. */
static void await_more(struct cg_conn *c, bool had_begun, bool had_head) {
  const struct cg_message *m = &c->intake.message;
  if (m->begun && !had_begun) expire_in(c, limits_of(c)->header_us);
  if (!m->head_done || had_head) return;
  expire_in(c, limits_of(c)->body_us);
  if (!m->expect_continue || c->continued) return;
  c->continued = true;
  if (!cg_wire_continue(&c->wire)) close_conn(c);
}

/* -> was there one, or a refusal? */
static bool read_request(struct cg_conn *c) {
  const struct cg_message *m = &c->intake.message;
  bool had_begun = m->begun, had_head = m->head_done;
  const char *bytes;
  enum cg_message_state state = cg_intake_next(&c->intake, &bytes);
  if (state == CG_MESSAGE_MORE)
    await_more(c, had_begun, had_head);
  else if (state == CG_MESSAGE_READY)
    deliver(c, bytes);
  else
    answer_refusal(c, m->code, m->why);
  return state != CG_MESSAGE_MORE;
}

static void read_requests(struct cg_conn *c) {
  while (c->state == READING && read_request(c)) continue;
}

/* ---- callbacks of the socket ---- */

static void settle(struct cg_conn *c) {
  if (c->state != CLOSED && !cg_intake_settle(&c->intake)) close_conn(c);
}

/* Bytes have come. */
static void take_in(struct cg_conn *c) {
  if (c->state == PARTING || c->state == LINGERING)
    drop_input(c);
  else
    read_requests(c);
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct cg_conn *c = arg;
  (void)bev;
  catch_up(c);
  take_in(c);
  settle(c);
}

static void on_write(struct bufferevent *bev, void *arg) {
  struct cg_conn *c = arg;
  (void)bev;
  catch_up(c);
  if (cg_wire_unsent(&c->wire)) return;
  if (c->state == PARTING)
    part(c);
  else if (c->state == SENDING)
    finish(c);
  read_requests(c);
}

static void on_eof(struct cg_conn *c) {
  c->eof = true;
  if (c->state == READING && c->intake.message.begun)
    answer_refusal(c, CG_E_MALFORMED, "the request ended before it was whole");
  else if (c->state == SENDING)
    c->wire.last = true; /* what is queued may still be read */
  else if (c->state != PARTING)
    close_conn(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  struct cg_conn *c = arg;
  (void)fd, (void)what;
  enum cg_received received = cg_intake_receive(&c->intake);
  catch_up(c);
  if (received == CG_RECEIVED_BROKEN)
    close_conn(c);
  else if (received == CG_RECEIVED_EOF)
    on_eof(c);
  else
    take_in(c);
  settle(c);
}

/* TLS is up: the request has its whole time, however long the two took to get here. */
static void on_handshake(struct cg_conn *c) {
  if (c->state != HANDSHAKE) return;
  c->state = READING;
  c->excused = false;
  expire_in(c, limits_of(c)->header_us);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct cg_conn *c = arg;
  (void)bev;
  catch_up(c);
  if (what & BEV_EVENT_CONNECTED)
    on_handshake(c);
  else if ((what & BEV_EVENT_EOF) && !(what & BEV_EVENT_WRITING))
    on_eof(c);
  else
    close_conn(c);
}

/* ---- another protocol ---- */

struct cg_conn *cg_conn_take_over(struct cg_exchange *x,
                                  const struct cg_conn_owner *owner) {
  struct cg_conn *c = CG_CONTAINER(x->wire, struct cg_conn, wire);
  CG_CHECK(c->state == ANSWERING && !cg_wire_closes(&c->wire));
  bool inside = c->wire.inside;
  c->state = TAKEN;
  c->owner = *owner;
  c->wire.inside = true; /* no outbox: what the owner says comes behind it */
  cg_exchange_reply(x, 101, NULL, NULL, 0);
  c->wire.inside = inside;
  if (!c->wire.broken && cg_intake_hand_over(&c->intake)) return c;
  close_conn(c);
  return NULL;
}

void cg_conn_release(struct cg_conn *c) {
  CG_CHECK(c->state == TAKEN);
  close_conn(c);
}

/* ---- its deadlines, and the end of its listener ---- */

/* A deadline is for the client's delay, not for ours: bytes that came are read first.
 * Once a request, so that nobody lives by sending when the sweep is due. */
static bool put_off(struct cg_conn *c) {
  if (c->state > READING || c->excused || !cg_intake_has_unread(&c->intake)) return false;
  c->excused = true;
  expire_in(c, c->intake.message.head_done ? limits_of(c)->body_us
                                           : limits_of(c)->header_us);
  return true;
}

/* Queued bytes must go out at a least rate, or the reader is cut. */
static void expire_write(struct cg_conn *c) {
  if (c->queued - cg_wire_unsent(&c->wire) < limits_of(c)->write_least)
    close_conn(c);
  else
    await_write(c, c->state);
}

void cg_conn_expire(struct cg_conn *c) {
  catch_up(c);
  if (c->state == CLOSED || c->deadline > c->all->swept_us || put_off(c)) return;
  if (c->state == READING && c->intake.message.begun)
    answer_refusal(c, CG_E_TIMEOUT_CLIENT, "the request took too long to arrive");
  else if (cg_wire_unsent(&c->wire))
    expire_write(c);
  else
    close_conn(c);
}

void cg_conn_drain(struct cg_conn *c) {
  catch_up(c);
  if (c->state == TAKEN)
    c->owner.drain(c->owner.arg);
  else if (c->state <= READING && !c->intake.message.begun)
    close_conn(c);
}

void cg_conn_lose(struct cg_conn *c) {
  if (c->state == TAKEN) c->owner.lost(c->owner.arg);
  close_conn(c);
}

/* ---- birth ---- */

static void link_conn(struct cg_conn *c) {
  struct cg_conns *all = c->all;
  c->next = all->first;
  c->prev = &all->first;
  if (c->next) c->next->prev = &c->next;
  all->first = c;
  all->open++;
  all->refusing += c->refusing;
}

struct cg_conn *cg_conn_next(const struct cg_conn *c) {
  return c->next;
}

static bool take_socket(struct cg_conn *c, struct bufferevent *bev) {
  struct cg_intake_conf conf = {.bev = bev,
                                .limits = &limits_of(c)->message,
                                .room = c->all->room,
                                .on_readable = on_readable,
                                .arg = c};
  c->wire =
      (struct cg_wire){.bev = bev, .intake = &c->intake, .listener = c->all->listener};
  fcntl(bufferevent_getfd(bev), F_SETFD, FD_CLOEXEC);
  evhtp_safe_free(c->evhtp->parser, cg_free); /* 8 KiB that never see a byte */
  evhtp_safe_free(c->evhtp->resume_ev, event_free);
  if (!cg_intake_open(&c->intake, &conf)) return false;
  bufferevent_setcb(bev, on_read, on_write, on_event, c);
  return true;
}

struct cg_conn *cg_conn_new(struct cg_conns *all, evhtp_connection_t *evhtp,
                            const struct cg_addr *peer, bool refusing) {
  struct cg_conn *c = cg_alloc(sizeof *c);
  if (!c) return NULL;
  c->all = all;
  c->evhtp = evhtp;
  c->peer = *peer;
  c->refusing = refusing;
  cg_addr_text(peer, c->address);
  if (!take_socket(c, evhtp->bev)) {
    cg_free(c);
    return NULL;
  }
  link_conn(c);
  c->state = all->listener->tls ? HANDSHAKE : READING;
  expire_in(c, limits_of(c)->header_us);
  if (refusing) answer_refusal(c, CG_E_BUSY, "too many connections");
  return c;
}
