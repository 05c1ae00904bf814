/* gate.h - the running process, from its start to its drain.
 *
 *   made -> every worker is set up -> leases are back from the trail -> listening
 *   SIGHUP, POST /reload: reload.h         SIGTERM, SIGINT: drain, last row, stop, free
 *
 * The main thread owns what all workers share and only coordinates; it serves no request,
 * but for the admin port while worker 0 hangs (stand_in.h).
 * It asks workers for something (worker.h) and is answered on its own loop.
 */
#ifndef CG_GATE_GATE_H
#define CG_GATE_GATE_H

#include "conf/conf.h"

/* Runs until a signal ends it.  false: it could not start, stderr says why.  Once per
 * process, on its main thread; conf is borrowed. */
bool cg_gate_run(const struct cg_conf *conf);

#endif
