/* worker.h - one thread: event loop, Lua state, drivers, leases, listener.
 *
 * Made and freed by the main thread; everything between by messages.  Each request below
 * is answered by posting `answer` to the gate's loop with the worker as argument.
 */
#ifndef CG_GATE_WORKER_H
#define CG_GATE_WORKER_H

#include <pthread.h>

#include "gate/gate.h"

struct cg_worker {
  struct cg_gate *gate;
  uint32_t n;
  pthread_t thread;
  bool started;
  struct cg_loop *loop;
  struct cg_arena_pool *pool;
  struct cg_service service;
  struct cg_api api;
  struct cg_server *listener, *admin;
  struct cg_timer sweep;
  bool sweeping;
  struct cg_policy *candidate; /* compiled by a reload, not active yet */
  struct cg_keys *new_keys;    /* read by it, of the key file; or NULL */

  void (*answer)(void *worker); /* of the request under way */
  struct cg_err err;            /* what the last request came to */
  uint16_t port;                /* bound; in: wanted, 0 = the configured one */
  uint32_t busy;                /* connections and grants, when asked */
};

struct cg_worker *cg_worker_new(struct cg_gate *gate, uint32_t n, struct cg_err *err);
/* Starts the thread, which sets itself up and answers. */
bool cg_worker_start(struct cg_worker *w, void (*answer)(void *), struct cg_err *err);
/* Opens the public listener (and worker 0, at first, the admin one with `admin`). */
void cg_worker_listen(struct cg_worker *w, bool admin, void (*answer)(void *));
void cg_worker_drain(struct cg_worker *w, void (*answer)(void *)); /* idempotent: polls */
void cg_worker_compile(struct cg_worker *w, void (*answer)(void *));
/* keep: takes the candidates, and the gate's certificate; else drops them. */
void cg_worker_swap(struct cg_worker *w, bool keep, void (*answer)(void *));
/* Ends the loop, joins, frees. */
void cg_worker_free(struct cg_worker *w);

#endif
