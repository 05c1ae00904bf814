/* worker.h - what the quota's ops on one worker share: calls of the function library. */
#ifndef QUOTA_VALKEY_WORKER_H
#define QUOTA_VALKEY_WORKER_H

#include "ask.h"
#include "camgate_plugin.h"
#include "watch.h"

enum key { USAGE, LEASES, EXPIRY, KEYS };

struct gate {
  struct link_config link;
  struct ask_pace pace;
  const char *prefix;
  int repaired, steps; /* metrics */
  char keys[KEYS][96], no_key[96];
};

struct worker {
  struct cgp_host *host;
  struct gate *gate;
  struct link *link;
  struct asker asker;
  struct watch watch;
  struct wire wire;
};

/* A call of a function with its keys, in w->wire; so many arguments follow. */
struct wire *worker_begin(struct worker *w, const char *function, size_t arguments);
/* A holding: hold_arguments(hold) of them. */
void worker_add_hold(struct wire *wire, const struct cgp_quota_hold *hold);
static inline size_t hold_arguments(const struct cgp_quota_hold *hold) {
  return 3 + 2 * hold->n_scopes;
}
/* What is complete but for its last argument: see ask.h. */
void worker_ask(struct worker *w, struct wire *wire, link_fn *fn, void *arg,
                struct cgp_call call);
/* For struct asker and struct watch; arg: the worker. */
void worker_begin_shift(void *arg, struct wire *wire);
void worker_begin_probe(void *arg, struct wire *wire);

/* bulk.c: the ops over many leases. */
void bulk_sweep(void *w, struct cgp_call call);
void bulk_restore(void *w, const struct cgp_quota_hold *holds, size_t n,
                  struct cgp_call call);
void bulk_release(void *w, const char *const *lease_ids, size_t n, struct cgp_call call);

#endif
