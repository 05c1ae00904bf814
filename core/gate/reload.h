/* reload.h - new policies, time zones, certificate, keys, plugin data: on every worker or
 * on none.
 *
 * The main thread reads the files; every worker compiles the policies beside the running
 * ones; when all could, the plugins reload their data, and then every worker swaps.
 * Leases, sockets and decisions under way stay; connections keep the certificate that
 * they began with.  The configuration itself is read at the start alone.  One at a time.
 * Both outcomes are in the log, the trail and /status.
 */
#ifndef CG_GATE_RELOAD_H
#define CG_GATE_RELOAD_H

#include "gate/worker.h"

struct cg_reload;

/* What a reload renews, and the one under way.  The gate's, main thread. */
struct cg_reloads {
  struct cg_workers *workers;
  struct cg_files files; /* what every worker runs */
  bool allowed;          /* serving: neither starting nor draining */
  struct cg_reload *under_way;
  void (*over)(void *arg); /* it is no longer: a drain that waited goes on */
  void *arg;
  char last_refusal[CG_ERR_TEXT_MAX]; /* worker 0's thread; "" = none since a good one */
};

/* What the start compiles.  Whole or not at all. */
bool cg_reloads_read(struct cg_reloads *all, struct cg_err *err);
void cg_reloads_free(struct cg_reloads *all); /* the workers' threads have ended */

/* Any worker's thread; fn runs on the asker's. */
void cg_reload_ask(struct cg_reloads *all, struct cg_service *asker, const char *who,
                   cg_reloaded_fn *fn, void *arg);
/* The main thread: a signal came. */
void cg_reload_now(struct cg_reloads *all, const char *who);

#endif
