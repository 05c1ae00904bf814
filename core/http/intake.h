/* intake.h - the receiving half of a connection: the bytes that have come and are not
 * consumed, and the request that is read from them.
 *
 * On plain TCP an event of the connection's own reads the socket into a room that the
 * listener's connections share, and requests are read in place there.  Only what is left
 * when that event's callback ends is held, in an evbuffer that most connections never
 * have.  With TLS the bufferevent reads, and what is held is its input.
 *
 * Held is one message of the greatest size at most: beyond that nothing is received until
 * some of it is consumed.  A connection (conn.h) embeds one.  Worker's thread.
 */
#ifndef CG_HTTP_INTAKE_H
#define CG_HTTP_INTAKE_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/message.h"

#define CG_INTAKE_ROOM (16 * 1024) /* bytes of the shared room: the most of one recv */

struct cg_intake {
  struct cg_message message; /* the one being read */

  /* Of intake.c alone. */
  const struct cg_message_limits *limits;
  struct bufferevent *bev;
  struct evbuffer *held; /* plain TCP: ours, NULL when empty; TLS: the bev's input */
  char *room;            /* NULL with TLS */
  const char *fresh;     /* in the room: received in this callback and not consumed */
  size_t n_fresh;
  size_t shown; /* bytes that the reader of messages has seen */
  struct event readable;
  bool paused; /* too much is held */
  bool ended;  /* the client's EOF was read */
};

struct cg_intake_conf {
  struct bufferevent *bev; /* of an accepted socket; it writes in any case */
  const struct cg_message_limits *limits;
  char *room;                    /* CG_INTAKE_ROOM bytes; NULL: the bufferevent reads */
  event_callback_fn on_readable; /* with a room: calls cg_intake_receive first */
  void *arg;
};

enum cg_received {
  CG_RECEIVED_SOME, /* or nothing for now */
  CG_RECEIVED_EOF,
  CG_RECEIVED_BROKEN, /* the client is gone, or no memory: close */
};

/* False: no memory.  Everything in conf is borrowed until cg_intake_close. */
bool cg_intake_open(struct cg_intake *in, const struct cg_intake_conf *conf) CG_MUST_USE;
void cg_intake_close(struct cg_intake *in); /* no more is received, nothing is held */

/* One recv into the room. */
enum cg_received cg_intake_receive(struct cg_intake *in) CG_MUST_USE;
/* Last in each callback of reading, unless it closes: holds what was not consumed, the
 * room is the next connection's, and reads no more when too much is held.  False: no
 * memory. */
bool cg_intake_settle(struct cg_intake *in) CG_MUST_USE;

/* Reads on in what is there, as cg_message_feed does.  Ready: *ret_bytes is the whole
 * message, until cg_intake_consume.  No memory is a refusal. */
enum cg_message_state cg_intake_next(struct cg_intake *in, const char **ret_bytes);
/* The text of its head, which is first of what is there; NULL: that is not whole. */
const char *cg_intake_head(struct cg_intake *in);
void cg_intake_consume(struct cg_intake *in); /* the ready message; the next begins */
size_t cg_intake_drop(struct cg_intake *in);  /* all that is there; how much that was */

size_t cg_intake_length(const struct cg_intake *in);
/* Has more come, here or in the socket, than the reader of messages has seen? */
bool cg_intake_has_unread(const struct cg_intake *in);

/* For another protocol: from now on the bufferevent reads, and what is there and not
 * consumed stands first in its input.  False: no memory. */
bool cg_intake_hand_over(struct cg_intake *in) CG_MUST_USE;

#endif
