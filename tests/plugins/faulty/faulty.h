/* faulty.h - a shipped plugin that fails on demand.
 *
 * Built once for each kind as faulty_REAL.so: it loads REAL.so (its path is FAULTY_REAL),
 * takes over its description and answers every op through it, but for those that a test
 * has spoiled.  What the real one does to its tables and files really happens, so undoing
 * is seen in the real driver.
 *
 *   POST /fault/REAL   "OP HOW TIMES": the next TIMES calls of OP go wrong; 204
 *   GET  /fault/REAL   one line "OP CALLS" for each op called since the start
 *
 * HOW: what the caller is told, and whether the real op runs before that.
 *   fail      unavailable, at once         fail-later    unavailable, 30 ms later
 *   notfound, invalid   at once            fail-after    it runs; unavailable
 *   silent    nothing, for ever            silent-after  it runs; nothing
 *   late      it runs; its completion comes FAULTY_LATE_MS after the op began
 *   slow      it runs; its completion comes FAULTY_SLOW_MS after the op began, and has
 *             no result
 *   null      it runs; done without a result
 *   odd       it runs; done with a result whose bytes are all zero
 *   hang      while there is a file `hold` in the gate's working folder, the worker
 *             stands still (with OP reload: the main thread); then it runs
 */
#ifndef TESTS_PLUGINS_FAULTY_H
#define TESTS_PLUGINS_FAULTY_H

#define camgate_plugin camgate_plugin_of_the_header
#include "camgate_plugin.h"
#undef camgate_plugin

#define FAULTY_LATE_MS  1500
#define FAULTY_LATER_MS 30
#define FAULTY_SLOW_MS  700 /* within the trail's deadline of the suite */

/* fault.c: the orders, shared by all workers. */
enum faulty_how {
  FAULTY_NOT,
  FAULTY_FAIL,
  FAULTY_FAIL_LATER,
  FAULTY_FAIL_AFTER,
  FAULTY_NOTFOUND,
  FAULTY_INVALID,
  FAULTY_SILENT,
  FAULTY_SILENT_AFTER,
  FAULTY_LATE,
  FAULTY_SLOW,
  FAULTY_NULL,
  FAULTY_ODD,
  FAULTY_HANG,
};
/* Counts a call of that op and says what is to become of it. */
enum faulty_how faulty_order(const char *op);
/* The route's handler. */
void faulty_route(void *w, const struct cgp_http_request *req, struct cgp_call call);

/* call.c: one worker's calls, on its thread. */
void faulty_hosts(struct cgp_host *h); /* the worker's; takes over done and fail */
struct cgp_host *faulty_host(void);    /* of this thread */
/* While there is a file `hold`. */
void faulty_stand_still(void);
/* Begins a call.  false: it is dealt with, the real op must not run. */
bool faulty_begin(const char *op, struct cgp_call call);

#endif
