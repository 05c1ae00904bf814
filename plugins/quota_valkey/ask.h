/* ask.h - a function of the library that may answer "again", asked until it answers.
 *
 * {-3}: the counters are being recounted; each further call does a part of that.
 * {-2, time, shift}: the quota's time is not what this gate expects; nothing was done.
 * The quota's time is Valkey's TIME plus a shift that is kept beside the holdings; this
 * gate expects it to go on as its own clock does (mono_us).  What came late is sent
 * again.  Off by more than a second twice over by the same, it is Valkey's clock that
 * has stepped (NTP, a suspended machine, another server after a failover): then the shift
 * is changed by the step, from the value that was seen, so that one gate of many does it,
 * and every deadline keeps its pace.
 *
 * The expectation is the process's, from the answers of the sweep, whose round trip
 * bounds its error; it follows a drift.  0: not known yet, Valkey is believed.
 */
#ifndef QUOTA_VALKEY_ASK_H
#define QUOTA_VALKEY_ASK_H

#include <stdatomic.h>

#include "link.h"

struct ask_pace {
  _Atomic int64_t ahead_ms; /* the quota's time less mono_us; 0 = not known */
};

/* Of one worker. */
struct asker {
  struct cgp_host *host;
  struct link *link;
  struct ask_pace *pace;                          /* all workers' */
  void (*begin_shift)(void *arg, struct wire *w); /* camgate_shift, of two arguments */
  void *arg;
  struct wire wire; /* of camgate_shift */
  int steps;        /* metric */
};

/* w ends with wire_moment.  fn runs once, as link_send's does; a->reply is no "again". */
void ask(struct asker *by, const struct wire *w, link_fn *fn, void *arg,
         struct cgp_call call);

/* An answer told the quota's time; the question left at sent_us. */
void ask_learn(struct asker *by, int64_t time_ms, int64_t sent_us);

#endif
