/* drivers.h - what one worker calls: every started plugin, op by op.
 *
 * cg_drivers_start runs each plugin's start on the worker's thread and builds its host
 * half of the ABI.  The functions below begin a call with the kind's deadline and enter
 * the plugin; fn runs exactly once (call.h), possibly before they return.  When no call
 * can be begun fn gets CGP_E_BUSY at once.  Request structs need no `size`: it is set
 * here.  Worker's thread only, except cg_drivers_free: after the loop has stopped, same
 * thread.
 */
#ifndef CG_PLUGIN_DRIVERS_H
#define CG_PLUGIN_DRIVERS_H

#include "base/buf.h"
#include "plugin/call.h"
#include "plugin/load.h"
#include "plugin/telling.h"

struct cg_drivers;

/* Deadlines in milliseconds, from the configuration. */
struct cg_deadlines {
  uint32_t cameras, quota, room, ice, audit, query; /* query: audit's query and verify */
};

struct cg_drivers_env {
  struct cg_plugins *set;
  struct cg_loop *loop;
  uint32_t worker;
  const struct cg_plugins_env
      *base; /* log, metrics, clock, names; outlives the drivers */
  struct cg_deadlines deadlines;
  cg_room_event_fn *room_event; /* inside host->room_event and room_event_told */
  void *ctx;
};

struct cg_drivers *cg_drivers_start(const struct cg_drivers_env *env,
                                    struct cg_err *err) CG_MUST_USE;
void cg_drivers_free(struct cg_drivers *d); /* stop in reverse order; NULL is fine */

/* The plugin that has the worker's thread now, and since when (mono); NULL: none.  Any
 * thread, while d lives: a plugin that blocks is named while it does. */
const char *cg_drivers_inside(const struct cg_drivers *d, int64_t *ret_us);

void cg_cameras_get(struct cg_drivers *d, const char *id, cg_call_fn *fn, void *arg);
void cg_cameras_list(struct cg_drivers *d, cg_call_fn *fn, void *arg);

void cg_quota_reserve(struct cg_drivers *d, struct cgp_quota_reserve *r, cg_call_fn *fn,
                      void *arg);
void cg_quota_renew(struct cg_drivers *d, struct cgp_quota_hold *h, cg_call_fn *fn,
                    void *arg);
void cg_quota_release(struct cg_drivers *d, const char *const *lease_ids, size_t n,
                      cg_call_fn *fn, void *arg);
void cg_quota_usage(struct cg_drivers *d, const char *scope, cg_call_fn *fn, void *arg);
void cg_quota_sweep(struct cg_drivers *d, cg_call_fn *fn, void *arg);
void cg_quota_restore(struct cg_drivers *d, struct cgp_quota_hold *holds, size_t n,
                      cg_call_fn *fn, void *arg);

/* trace: on whose behalf, for the requests that the plugin makes; NULL: nobody's. */
void cg_room_ensure(struct cg_drivers *d, const char *room, const struct cg_trace *trace,
                    cg_call_fn *fn, void *arg);
void cg_room_token(struct cg_drivers *d, struct cgp_room_token_request *r, cg_call_fn *fn,
                   void *arg);
void cg_room_remove(struct cg_drivers *d, const char *room, const char *identity,
                    cg_call_fn *fn, void *arg);

/* CGP_E_INVALID: the plugin has no lists. */
void cg_room_participants(struct cg_drivers *d, const char *room, cg_call_fn *fn,
                          void *arg);

void cg_ice_issue(struct cg_drivers *d, struct cgp_ice_request *r, cg_call_fn *fn,
                  void *arg);

/* n rows, all durable or none.  CGP_E_TIMEOUT alone leaves open whether they are there or
 * come yet: the disk works on them and does not answer.  Any other failure means that
 * they are not there and will not be while this process runs (after a crash the trail
 * tells).  n of 0 or above CGP_AUDIT_ROWS_MAX: CGP_E_INVALID at once. */
void cg_audit_append(struct cg_drivers *d, struct cgp_audit_row *rows, size_t n,
                     cg_call_fn *fn, void *arg);
/* The same without a deadline, for who has to know: fn is never told CGP_E_TIMEOUT.
 * While the disk hangs it does not run; when the drivers are freed it has run. */
void cg_audit_append_patient(struct cg_drivers *d, struct cgp_audit_row *rows, size_t n,
                             cg_call_fn *fn, void *arg);
/* How long whoever waits for a row waits. */
int64_t cg_audit_deadline_us(const struct cg_drivers *d);
void cg_audit_health(struct cg_drivers *d, cg_call_fn *fn, void *arg);
void cg_audit_query(struct cg_drivers *d, struct cgp_audit_filter *f, cg_call_fn *fn,
                    void *arg);
void cg_audit_live(struct cg_drivers *d, cg_call_fn *fn, void *arg);
void cg_audit_verify(struct cg_drivers *d, cg_call_fn *fn, void *arg);

/* health of the nth plugin of the set; a plugin without one is healthy. */
void cg_drivers_health(struct cg_drivers *d, size_t nth, cg_call_fn *fn, void *arg);
/* The gate asked for that health by itself, as a probe: noted, and ends failures of ops
 * that a good plugin would not have any more (outcome.h). */
void cg_drivers_probed(struct cg_drivers *d, size_t nth, const struct cgp_health *h);

/* What requests and probes met last of the nth plugin on this worker: the newest of what
 * fails. */
struct cg_failing {
  const char *op;             /* which one fails; static */
  int64_t since_us;           /* mono */
  char text[CG_ERR_TEXT_MAX]; /* without secrets */
};
/* false: nothing fails.  Any thread, while d lives. */
bool cg_drivers_failing(struct cg_drivers *d, size_t nth, struct cg_failing *ret);

/* The best of the plugins' routes for method and path, called with the query deadline.
 * false: none has both, and fn does not run; `allow` then has the methods of the path's
 * other routes, as in an Allow header; empty: there are none. */
bool cg_drivers_route(struct cg_drivers *d, struct cgp_http_request *req, cg_call_fn *fn,
                      void *arg, struct cg_buf *allow);

#endif
