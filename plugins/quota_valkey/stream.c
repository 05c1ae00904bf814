#include "stream.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

#define REPLY_MAX ((size_t)4 << 20)

struct stream {
  struct bufferevent *bev;
  redisReader *reader;
  struct stream_events events;
  bool reading, freed; /* freed while reading: at the end of it */
};

static void drop(struct stream *s) {
  bufferevent_free(s->bev);
  if (s->reader) redisReaderFree(s->reader);
  free(s);
}

void stream_free(struct stream *s) {
  if (!s) return;
  s->freed = true;
  bufferevent_setcb(s->bev, NULL, NULL, NULL, NULL);
  if (!s->reading) drop(s);
}

/* Tells every whole reply. -> NULL, or why the connection is of no use any more */
static const char *tell(struct stream *s) {
  void *reply = NULL;
  while (!s->freed) {
    if (redisReaderGetReply(s->reader, &reply) != REDIS_OK) return s->reader->errstr;
    if (!reply) break;
    s->events.replied(s->events.arg, reply);
    freeReplyObject(reply);
  }
  return s->reader->len > REPLY_MAX ? "the reply is too long" : NULL;
}

static const char *feed(struct stream *s, struct evbuffer *in) {
  struct evbuffer_iovec v;
  const char *wrong = NULL;
  while (!wrong && !s->freed && evbuffer_get_length(in) > 0) {
    evbuffer_peek(in, -1, NULL, &v, 1);
    size_t n = v.iov_len;
    if (redisReaderFeed(s->reader, v.iov_base, n) != REDIS_OK) return s->reader->errstr;
    evbuffer_drain(in, n);
    wrong = tell(s);
  }
  return wrong;
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct stream *s = arg;
  s->reading = true;
  const char *wrong = feed(s, bufferevent_get_input(bev));
  if (wrong && !s->freed) s->events.ended(s->events.arg, wrong);
  s->reading = false;
  if (s->freed) drop(s);
}

/* A write that fails says nothing of what the server said before it closed. */
static void read_rest(struct bufferevent *bev, short what) {
  if (what & BEV_EVENT_WRITING && !bufferevent_openssl_get_ssl(bev))
    evbuffer_read(bufferevent_get_input(bev), bufferevent_getfd(bev), -1);
}

/* A server that takes nobody may have said why before this was listening. */
static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct stream *s = arg;
  const char *why = tls_reason(bev, what);
  read_rest(bev, what);
  s->reading = true;
  feed(s, bufferevent_get_input(bev));
  s->reading = false;
  if (s->freed)
    drop(s);
  else
    s->events.ended(s->events.arg, why);
}

struct stream *stream_new(struct bufferevent *bev, const struct stream_events *events) {
  struct stream *s = calloc(1, sizeof *s);
  if (!s) {
    bufferevent_free(bev);
    return NULL;
  }
  *s = (struct stream){.bev = bev, .reader = redisReaderCreate(), .events = *events};
  if (!s->reader) {
    drop(s);
    return NULL;
  }
  bufferevent_setcb(bev, on_read, NULL, on_event, s);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  return s;
}

bool stream_write(struct stream *s, const char *command, size_t n) {
  return bufferevent_write(s->bev, command, n) == 0;
}
