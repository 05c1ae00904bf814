/* reload.h - new policies, certificate, keys and plugin data: on every worker, or on
 * none.
 *
 * The main thread reads the files; every worker compiles the policies beside the running
 * ones; when all could, the plugins reload their data, and then every worker swaps.
 * Leases, sockets and decisions under way stay; connections keep the certificate that
 * they began with.  The configuration itself is read at the start alone.  One at a time.
 * Both outcomes are in the log, the trail and /status.
 */
#ifndef CG_GATE_RELOAD_H
#define CG_GATE_RELOAD_H

#include "gate/gate.h"

struct cg_reload;

/* Any worker's thread, as cg_api.reload; fn runs on the asker's worker. */
void cg_reload_ask(void *gate, struct cg_service *asker, const char *who,
                   cg_reloaded_fn *fn, void *arg);
/* The main thread: a signal came. */
void cg_reload_now(struct cg_gate *gate, const char *who);

/* What workers compile and read. */
const struct cg_bundle *cg_reload_bundle(const struct cg_reload *r);
const struct cg_credentials *cg_reload_credentials(const struct cg_reload *r);

#endif
