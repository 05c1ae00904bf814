/* stream.h - an open connection: commands out, replies in.
 *
 * Replies come in the order of the commands and are read by hiredis; one that is longer
 * than 4 MiB ends the connection.  Worker's thread.
 */
#ifndef QUOTA_VALKEY_STREAM_H
#define QUOTA_VALKEY_STREAM_H

#include <event2/bufferevent.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>

struct stream;

struct stream_events {
  void (*replied)(void *arg, const redisReply *reply); /* valid inside */
  void (*ended)(void *arg, const char *why);           /* once; nothing comes any more */
  void *arg;
};

/* bev is the stream's.  NULL: out of memory, and bev is freed. */
struct stream *stream_new(struct bufferevent *bev, const struct stream_events *events);
void stream_free(struct stream *s); /* from within an event, too; NULL is fine */

bool stream_write(struct stream *s, const char *command, size_t n);

#endif
