/* ws.h - one WebSocket, server's or client's side, plain or TLS.
 *
 * handshake.h makes one of an exchange, dial.h of a URL.  It delivers whole messages,
 * answers pings, pings by itself, and goes through the close handshake:
 *
 *   OPEN       both ways
 *   CLOSING    our close is out, theirs has not come; messages are dropped
 *   PARTING    nothing more is expected from them; what is queued goes out
 *   LINGERING  it is out; what they still send is dropped until their EOF, so that our
 *              close is not lost to a reset
 *   ENDED      told to its owner, and freed
 *
 * Queue.  What the socket does not take is queued.  Beyond queue_high the socket is
 * slow: nothing is read from it and its owner hears so, until half of that is left.  So
 * an echo or a relay is in balance by itself, and whoever sends the same to many can
 * skip or close the slow.  Beyond queue_most nothing more is taken.
 *
 * Deadlines run on the loop's timers.  A socket ends without a close handshake when a
 * ping finds no pong in pong_us, when queued bytes do not move for write_us, or when
 * closing takes longer than close_us in all.
 *
 * Owner: a cg_ws owns itself from its birth to `closed`, the last that its user hears of
 * it, which comes exactly once and never from within a call of the user's.  Everything
 * on the thread of its loop.
 */
#ifndef CG_WS_WS_H
#define CG_WS_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "ws/frames.h"
#include "ws/shared.h"

struct cg_ws;

struct cg_ws_limits {
  size_t message_most; /* 64 KiB: bytes of one message; beyond: close 1009           */
  size_t queue_high;   /* 64 KiB: unsent bytes beyond which a socket is slow         */
  size_t queue_most;   /* 1 MiB: beyond it cg_ws_send refuses                        */
  int64_t ping_us;     /* 30 s: from one pong, or the beginning, to the next ping    */
  int64_t pong_us;     /* 10 s: from a ping to its pong                              */
  int64_t write_us;    /* 10 s: in which queued bytes must move                      */
  int64_t close_us;    /* 5 s: from the first close to the end                       */
};

extern const struct cg_ws_limits cg_ws_limits_default;

struct cg_ws_end {
  uint16_t
      received;    /* the code of their close; CG_WS_NO_CODE; CG_WS_ABNORMAL: none came */
  uint16_t sent;   /* of ours; CG_WS_NO_CODE; CG_WS_ABNORMAL: none was sent */
  const char *why; /* words, constant; NULL: both said close */
};

/* arg is cg_ws_conf.arg.  message and slow may call every function of this header. */
struct cg_ws_events {
  /* data: len bytes, valid during the call; a text is UTF-8. */
  void (*message)(struct cg_ws *ws, void *arg, enum cg_ws_type type, const char *data,
                  size_t len);
  /* May come from within cg_ws_send.  NULL: nobody asks. */
  void (*slow)(struct cg_ws *ws, void *arg, bool slow);
  void (*closed)(struct cg_ws *ws, void *arg, const struct cg_ws_end *end);
};

/* limits and events stay as long as the socket. */
struct cg_ws_conf {
  struct cg_loop *loop;
  const struct cg_ws_limits *limits;
  const struct cg_ws_events *events;
  void *arg;
};

/* A text must be UTF-8.  False, and nothing was sent: it is closing, the queue is full,
 * or there is no memory. */
bool cg_ws_send(struct cg_ws *ws, enum cg_ws_type type, const void *data, size_t len);

/* The same, for what goes to many; on the server's side. */
bool cg_ws_send_shared(struct cg_ws *ws, struct cg_ws_shared *s);

/* Bytes that the socket has not taken yet. */
size_t cg_ws_unsent(const struct cg_ws *ws);

/* Begins the close handshake; later calls do nothing.  code: 1000 to 1014 as RFC 6455
 * 7.4.1 has it, or 4000 to 4999 with a meaning of the user's; reason: UTF-8 of at most
 * CG_WS_CONTROL_MAX - 2 bytes. */
void cg_ws_close(struct cg_ws *ws, uint16_t code, const char *reason);

/* ---- for ws/ ---- */

struct bufferevent;
struct cg_conn;
struct cg_exchange;

/* Not begun yet.  NULL: no memory. */
struct cg_ws *cg_ws_new(const struct cg_ws_conf *conf) CG_MUST_USE;
void cg_ws_free(struct cg_ws *ws); /* before it has begun */
/* The server's side: ends x with 101.  False: the client left; ws and x are gone. */
bool cg_ws_begin_taken(struct cg_ws *ws, struct cg_exchange *x) CG_MUST_USE;
/* The client's side; bev is the socket's from here on. */
void cg_ws_begin_dialled(struct cg_ws *ws, struct bufferevent *bev);

#endif
