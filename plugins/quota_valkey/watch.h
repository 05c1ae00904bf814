/* watch.h - looks whether the server would take a place, and how it stands.
 *
 * health asks INFO and then writes as a reserve does (not with read_only).  The sweep
 * asks INFO every ten seconds; advice is logged when it is new, by the one worker that
 * sweeps.
 */
#ifndef QUOTA_VALKEY_WATCH_H
#define QUOTA_VALKEY_WATCH_H

#include "link.h"
#include "standing.h"

struct watch {
  struct cgp_host *host;
  struct link *link;
  const struct link_config *config;
  const char *prefix;
  void (*begin_probe)(void *arg, struct wire *w); /* camgate_probe, without arguments */
  void *arg;
  struct wire wire;
  struct standing standing; /* of the last INFO */
  int64_t asked_us;
  bool asking;
  char told[256]; /* the advice that was logged last */
};

void watch_health(struct watch *w, struct cgp_call call);
void watch_now_and_then(struct watch *w); /* at each sweep */

#endif
