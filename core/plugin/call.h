/* call.h - one asynchronous call into a plugin: exactly one completion, one deadline.
 *
 * Each worker has one table of calls (struct cg_calls).  Beginning a call takes a slot
 * and gives the plugin a handle made of slot and generation; completing, failing or the
 * deadline ends it, whichever comes first, and the caller's function runs exactly once,
 * inside that event.  It may run before the op returns: callers must be ready for that.
 * After a timeout the slot, with its call_alloc memory, stays until the plugin completes
 * late; a plugin that never does uses up its share (CG_CALLS_PER_PLUGIN), and further
 * calls to it fail as busy, to it alone.  A stale handle, a second completion and a
 * completion from another thread are dropped, logged with the plugin's name and counted.
 * A result that is not whole (result.h) ends the call CGP_E_INTERNAL, counted as well.
 * Worker's thread only.
 */
#ifndef CG_PLUGIN_CALL_H
#define CG_PLUGIN_CALL_H

#include "../../plugins/camgate_plugin.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/trace.h"
#include "plugin/outcome.h"
#include "plugin/result.h"

#define CG_CALLS_PER_PLUGIN 8192
#define CG_CALLS_MEMORY     ((size_t)64 << 20) /* of one plugin's open calls */
#define CG_CALLS_DEADLINES  32                 /* distinct ones; a loop timer each */

struct cg_calls;

/* result: as the ABI says of the op, valid inside fn; NULL unless code is CGP_OK and the
 * op has a result.
 * text: words of a failure, "" otherwise. */
typedef void cg_call_fn(void *arg, enum cgp_code code, const void *result,
                        const char *text);

struct cg_calls *cg_calls_new(struct cg_loop *loop, struct cg_log *log,
                              struct cg_metrics *metrics, uint32_t worker);
/* Ends what is open with CGP_E_UNAVAILABLE first; NULL is fine. */
void cg_calls_free(struct cg_calls *calls);

/* owner: the plugin's name, its own counter of open calls and of their memory; outlives
 * the calls.  kind: what a result must be.  id 0: no slot, or no memory for its
 * deadline. */
struct cg_call_owner {
  const char *plugin;
  uint32_t open;
  size_t bytes;
};
struct cgp_call cg_call_begin(struct cg_calls *calls, struct cg_call_owner *owner,
                              uint32_t deadline_ms, const struct cg_result_kind *kind,
                              cg_call_fn *fn, void *arg);

/* Whose request the call is part of; copied, NULL: nobody's.  Of a call that is over, or
 * has none, it is NULL again. */
void cg_call_set_trace(struct cg_calls *calls, struct cgp_call call,
                       const struct cg_trace *trace);
const struct cg_trace *cg_call_trace(const struct cg_calls *calls, struct cgp_call call);

/* What the call comes to is noted there, too; it outlives the calls.  NULL: nowhere. */
void cg_call_set_outcome(struct cg_calls *calls, struct cgp_call call,
                         struct cg_outcome *outcome);

/* The host's half of the ABI calls these. */
void *cg_call_alloc(struct cg_calls *calls, struct cgp_call call, size_t n);
void cg_call_done(struct cg_calls *calls, struct cgp_call call, const void *result);
void cg_call_fail(struct cg_calls *calls, struct cgp_call call, enum cgp_code code,
                  const char *text);

uint32_t cg_calls_open(const struct cg_calls *calls);
bool cg_call_is_open(const struct cg_calls *calls, struct cgp_call call);

/* What plugins may not do, counted as camgate_plugin_misuse_total{kind}: `late` after the
 * deadline, `twice` right after it was completed, `stale` any other dead handle, `thread`
 * another thread than the worker's, `nonsense` a result that is not whole.  Logged at the
 * 1st, 2nd, 4th, 8th... time. */
enum cg_misuse {
  CG_MISUSE_TWICE,
  CG_MISUSE_THREAD,
  CG_MISUSE_STALE,
  CG_MISUSE_LATE,
  CG_MISUSE_NONSENSE,
};
/* Any thread. */
void cg_call_misused(struct cg_calls *calls, enum cg_misuse kind, const char *plugin);
/* Registers those counters; by the main thread, before the workers run. */
bool cg_calls_metrics(struct cg_metrics *metrics) CG_MUST_USE;

/* A plugin's code as the gate's. */
enum cg_code cg_code_of(enum cgp_code code);
/* The same where the client named nothing that could be unknown or invalid: then it is
 * the gate's own trouble. */
enum cg_code cg_trouble_of(enum cgp_code code);

#endif
