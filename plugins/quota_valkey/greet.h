/* greet.h - what is said on a fresh connection before the first op.
 *
 * AUTH and SELECT when configured; HELLO to learn what answers (a server that will not
 * say stays unknown); a read and a write that change nothing, so that a replica, a server
 * that cannot save, or a cluster's other node is no connection; then the version of the
 * function library.  An absent or older one is loaded (FUNCTION LOAD REPLACE) unless
 * load_functions is off.  A library of the same major version and at least our minor is
 * taken as it is; a newer major is refused, so an old gate never undoes an upgrade.
 * With read_only each right that the functions need is tried last, as health does
 * by camgate_probe, which writes.
 * done runs at most once: words NULL = ready.  When the connection ends first, it does
 * not run.  The owner frees wire.
 */
#ifndef QUOTA_VALKEY_GREET_H
#define QUOTA_VALKEY_GREET_H

#include "stream.h"
#include "url.h"
#include "wire.h"

struct greet {
  const struct url *url;
  bool load_functions, read_only; /* read_only: never loads */
  const char *no_key;             /* of the quota's prefix; it never exists */
  void (*done)(void *arg, const char *words);
  void *arg;
  struct stream *stream;
  struct wire wire;
  void (*heard)(struct greet *g, const redisReply *reply); /* what was said last */
  bool loaded;                                             /* by us, on this connection */
  size_t step, right;
  char server[32], version[32]; /* of the last HELLO; "" = not known */
};

void greet_begin(struct greet *g, struct stream *stream);
/* A reply that came before done. */
void greet_replied(struct greet *g, const redisReply *reply);

/* The library, the files of library/ in order, embedded by the build. */
extern const char quota_library[];
extern const size_t quota_library_size;

#define QUOTA_LIBRARY_VERSION 1002 /* as VERSION in library/1_keys.lua */

#endif
