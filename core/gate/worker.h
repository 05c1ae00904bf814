/* worker.h - one thread: event loop, Lua state, drivers, leases, listener.
 *
 * Made and freed by the main thread; everything between by mail.  What a worker is asked
 * for it does on its own thread and answers once, on the main loop.  Three kinds of jobs
 * may be under way side by side, one of each: starting, renewing, draining.
 */
#ifndef CG_GATE_WORKER_H
#define CG_GATE_WORKER_H

#include <pthread.h>

#include "api/api.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "conf/credentials.h"
#include "gate/probe.h"
#include "gate/pulse.h"
#include "http/server.h"
#include "plugin/load.h"

struct cg_worker;

/* What the start reads, and every reload again: one moment's. */
struct cg_files {
  const struct cg_bundle *bundle;
  const struct cg_zones *zones;
  struct cg_credentials credentials;
};

/* All workers, and what they share: made before the first, freed after the last; nothing
 * here changes while they run but `over`, which is the main thread's. */
struct cg_workers {
  const struct cg_conf *conf;
  struct cg_log *log;
  struct cg_metrics *metrics;
  struct cg_lease_metrics lease_metrics;
  struct cg_http_metrics http_metrics;
  struct cg_teller teller;
  int hung_metric; /* watch.h */
  struct cg_plugins_env plugins_env;
  struct cg_plugins *plugins;
  struct cg_router *public_router, *admin_router;
  struct cg_api api;    /* how handlers reach the gate; each worker has a copy */
  struct cg_loop *main; /* the main thread's loop */
  struct cg_service **peers;
  struct cg_worker **all;
  uint32_t n;
  atomic_uint n_ill; /* probe.h */
  bool over;         /* threads have ended: answers that come still are dropped */
};

/* What a job came to; err NULL: it went well.  Main thread. */
typedef void cg_worker_fn(void *arg, struct cg_worker *w, const struct cg_err *err);

struct cg_job {
  struct cg_mail mail;
  struct cg_worker *w;
  const struct cg_files *files;
  cg_worker_fn *fn;
  void *arg;
  struct cg_err err;
};

struct cg_worker {
  struct cg_workers *workers;
  uint32_t n;
  pthread_t thread;
  bool started;
  struct cg_loop *loop;
  struct cg_arena_pool *pool;
  struct cg_service service;
  struct cg_api api;
  struct cg_server *listener, *admin;
  struct cg_probe probe; /* from when it listens */
  struct cg_pulse main;  /* worker 0: from when it has the admin listener */
  struct cg_timer feeling;
  struct cg_policy *candidate; /* compiled by a reload, not active yet */
  struct cg_keys *new_keys;    /* read by it, of the key file; or NULL */
  struct cg_job starting, renewing, draining;
  struct cg_sockets sockets, admin_sockets; /* until it listens */
  uint32_t busy; /* connections and grants, when asked to drain */
};

struct cg_worker *cg_worker_new(struct cg_workers *workers, uint32_t n,
                                struct cg_err *err);
/* Starts the thread, which sets itself up with these and answers. */
bool cg_worker_start(struct cg_worker *w, const struct cg_files *files, cg_worker_fn *fn,
                     void *arg, struct cg_err *err);
void cg_worker_listen(struct cg_worker *w, const struct cg_files *files, cg_worker_fn *fn,
                      void *arg);
void cg_worker_listen_admin(struct cg_worker *w, cg_worker_fn *fn, void *arg);

/* Policies and keys, made beside those that run; taken or dropped by what follows. */
void cg_worker_compile(struct cg_worker *w, const struct cg_files *files,
                       cg_worker_fn *fn, void *arg);
/* Takes them, and the certificate; files NULL: drops them. */
void cg_worker_swap(struct cg_worker *w, const struct cg_files *files, cg_worker_fn *fn,
                    void *arg);

/* Takes no new requests; w->busy says what is open.  Asked again until it is 0. */
void cg_worker_drain(struct cg_worker *w, cg_worker_fn *fn, void *arg);

/* A row about the gate itself.  The worker's thread. */
void cg_worker_record(struct cg_worker *w, const char *kind, const char *outcome,
                      const char *reason, const char *revision, cg_call_fn *fn,
                      void *arg);

/* Ends the loop, then the thread.  All are stopped before the first is freed: they have
 * mail for each other. */
void cg_worker_stop(struct cg_worker *w);
void cg_worker_free(struct cg_worker *w); /* NULL is fine */

#endif
