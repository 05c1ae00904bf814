/* process_log.h - the log of what has no argument to find one by.
 *
 * A crash (a fault or an abort) writes what is queued before it ends the process, and
 * libevent's own words become lines instead of going to stderr past the log, where its
 * thread would wait.  One log a process: the gate's, from when it is set until NULL is.
 * Fault handlers that are there already (a sanitizer's) stay.
 */
#ifndef CG_BASE_PROCESS_LOG_H
#define CG_BASE_PROCESS_LOG_H

#include "base/log.h"

void cg_process_log(struct cg_log *log);

#endif
