/* gate.h - the running process: one main thread, N workers, and what they share.
 *
 * The main thread owns everything here and only coordinates: it starts the workers, has
 * the trail's leases restored, opens the listeners, handles signals, reloads and drains.
 * It talks to workers by posting to their loops, and they to it; `serving` is the one
 * thing read across threads.
 *
 *   starting -> every worker is set up -> restored from the trail -> listening (serving)
 *   SIGHUP, POST /reload: reload.h           SIGTERM, SIGINT: drain, stop, join
 */
#ifndef CG_GATE_GATE_H
#define CG_GATE_GATE_H

#include <stdatomic.h>

#include "api/api.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "conf/credentials.h"
#include "http/server.h"
#include "plugin/load.h"

struct cg_worker;
struct cg_reload;
struct cg_watch;

struct cg_gate {
  const struct cg_conf *conf;
  struct cg_log *log;
  struct cg_metrics *metrics;
  struct cg_lease_metrics lease_metrics;
  struct cg_http_metrics http_metrics;
  struct cg_plugins_env plugins_env;
  struct cg_plugins *plugins;
  struct cg_router *public_router, *admin_router;
  const struct cg_bundle *bundle;    /* what every worker runs; main's reference */
  struct cg_credentials credentials; /* read again at reloads */
  struct cg_loop *loop;              /* main's */
  struct cg_service **peers;
  struct cg_worker **workers;
  uint32_t n_workers, n_up, n_listening;
  uint16_t port, admin_port; /* as bound */
  int64_t started_us;
  struct cg_timer timer;
  struct cg_watch *watch; /* once every worker is set up */
  int64_t drain_until_us; /* mono; 0 = not draining */
  uint32_t n_polled, n_busy;
  struct cg_reload *reload;  /* under way, or NULL */
  struct cg_err start_error; /* a worker could not be set up */
  _Atomic bool serving;
  int exit_code;
  char last_refusal[CG_ERR_TEXT_MAX]; /* worker 0's thread */
};

/* A reload is over: a drain that waited for it goes on.  Main thread. */
void cg_gate_reload_over(struct cg_gate *gate);

/* A row about the gate itself (start, stop, reload), by worker 0.  fn may be NULL; runs
 * on worker 0's thread. */
void cg_gate_record(struct cg_worker *zero, const char *kind, const char *outcome,
                    const char *reason, const char *revision, cg_call_fn *fn, void *arg);

#endif
