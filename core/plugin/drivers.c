#include "plugin/drivers.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "plugin/host.h"
#include "plugin/names.h"
#include "plugin/outcome.h"
#include "plugin/routes.h"
#include "plugin/scope_names.h"

#define BLOCKED_US     100000
#define BLOCKED_LOG_US 60000000
#define HEALTH_MS      5000       /* who asks for health has little time, too */
#define PATIENT_MS     UINT32_MAX /* 49 days: longer than a disk hangs */

struct driver {
  const struct cg_plugin *plugin;
  struct cg_host *host;
  void *w;
  struct cg_outcome health; /* as the gate's own probes find it */
};

/* The ops that a request waits for. */
enum seen {
  SEEN_get,
  SEEN_list,
  SEEN_reserve,
  SEEN_renew,
  SEEN_usage,
  SEEN_ensure,
  SEEN_token,
  SEEN_issue,
  SEEN_append,
  SEEN
};

struct cg_drivers {
  struct cg_drivers_env env;
  struct cg_calls *calls;
  struct cg_fetcher *fetcher;
  struct driver *items;
  size_t n;
  struct driver *cameras, *quota, *room, *ice, *audit;
  struct cg_outcome seen[SEEN];
  bool stopping;                /* no plugin is entered any more */
  _Atomic(const char *) inside; /* the plugin that has the worker now; NULL: none */
  _Atomic int64_t inside_us;    /* since then */
};

#define SEEN_ROW(op, kind) [SEEN_##op] = {#op, offsetof(struct cg_drivers, kind)}

static const struct {
  const char *name;
  size_t driver; /* where struct cg_drivers has the one that serves it */
} ops[SEEN] = {SEEN_ROW(get, cameras), SEEN_ROW(list, cameras), SEEN_ROW(reserve, quota),
               SEEN_ROW(renew, quota), SEEN_ROW(usage, quota),  SEEN_ROW(ensure, room),
               SEEN_ROW(token, room),  SEEN_ROW(issue, ice),    SEEN_ROW(append, audit)};

static const struct driver *server_of(const struct cg_drivers *d, enum seen op) {
  return *(struct driver *const *)((const char *)d + ops[op].driver);
}

/* ---- start and stop ---- */

static struct driver *serving(const struct cg_drivers *d, const struct cg_plugin *p) {
  for (size_t i = 0; p && i < d->n; i++)
    if (d->items[i].plugin == p) return &d->items[i];
  return NULL;
}

static bool start_one(struct cg_drivers *d, const struct cg_plugin *p,
                      struct cg_err *err) {
  struct driver *it = &d->items[d->n];
  struct cg_host *main = CG_CONTAINER(p->host, struct cg_host, abi);
  struct cg_host *h =
      cg_host_worker(main, d->env.worker, d->env.loop, d->calls, d->fetcher);
  if (!h) return cg_fail(err, CG_E_MEMORY, "no memory to start %s", p->name);
  h->room_event = d->env.room_event;
  h->ctx = d->env.ctx;
  *it = (struct driver){.plugin = p, .host = h};
  cg_outcome_init(&it->health, d->env.base->clock, d->env.base->metrics,
                  cg_outcome_metric(d->env.base->metrics, p->name), d->env.worker);
  char text[CG_ERR_TEXT_MAX / 2] = "";
  if (!p->abi->start(p->self, &h->abi, &it->w, text, sizeof text)) {
    d->n++;
    return true;
  }
  cg_host_stop(h);
  cg_host_drop_timers(h);
  cg_log_mask(main->env->log, text);
  return cg_fail(err, CG_E_UNAVAILABLE, "%s does not start on worker %u: %s", p->name,
                 d->env.worker, text[0] ? text : "it gives no reason");
}

static bool start_all(struct cg_drivers *d, struct cg_err *err) {
  const struct cg_plugins *set = d->env.set;
  d->calls =
      cg_calls_new(d->env.loop, d->env.base->log, d->env.base->metrics, d->env.worker);
  d->fetcher = cg_fetcher_new(d->env.loop);
  d->items = cg_alloc((set->n + 1) * sizeof *d->items);
  if (!d->calls || !d->fetcher || !d->items)
    return cg_fail(err, CG_E_MEMORY, "no memory for the plugins' calls");
  for (size_t i = 0; i < set->n; i++)
    if (!start_one(d, &set->items[i], err)) return false;
  d->cameras = serving(d, set->cameras);
  d->quota = serving(d, set->quota);
  d->room = serving(d, set->room);
  d->ice = serving(d, set->ice);
  d->audit = serving(d, set->audit);
  for (enum seen op = 0; op < SEEN; op++) {
    const struct driver *it = server_of(d, op);
    cg_outcome_init(&d->seen[op], d->env.base->clock, d->env.base->metrics,
                    it ? it->health.metric : -1, d->env.worker);
  }
  return true;
}

struct cg_drivers *cg_drivers_start(const struct cg_drivers_env *env,
                                    struct cg_err *err) {
  struct cg_drivers *d = cg_alloc(sizeof *d);
  if (!d) {
    cg_fail(err, CG_E_MEMORY, "no memory for the plugins' drivers");
    return NULL;
  }
  d->env = *env;
  if (start_all(d, err)) return d;
  cg_drivers_free(d);
  return NULL;
}

/* Transfers first, then posts, then stop: each of them may still complete calls; what is
 * open after that ends as unavailable.  Who asks on meanwhile is told that the gate
 * stops: the plugin it means may have stopped before the one that answered. */
void cg_drivers_free(struct cg_drivers *d) {
  if (!d) return;
  if (d->fetcher) cg_fetcher_close(d->fetcher);
  for (size_t i = d->n; i-- > 0;) cg_host_stop(d->items[i].host);
  d->stopping = true;
  for (size_t i = d->n; i-- > 0;) {
    const struct driver *it = &d->items[i];
    if (it->plugin->abi->stop) it->plugin->abi->stop(it->w);
    cg_host_drop_timers(it->host);
  }
  cg_fetcher_free(d->fetcher);
  cg_calls_free(d->calls);
  for (size_t i = d->n; i-- > 0;) cg_outcome_done(&d->items[i].health);
  for (enum seen op = 0; op < SEEN; op++) cg_outcome_done(&d->seen[op]);
  cg_free(d->items);
  cg_free(d);
}

/* ---- one op ---- */

/* An op under way: entered with `enter`, left with `leave`, which sees how long it held
 * the worker. */
struct op {
  struct cg_drivers *d;
  const struct driver *it;
  struct cgp_call call;
  int64_t began_us;
  const char *outer; /* it may have been entered out of another one's completion */
  int64_t outer_us;
};

static int64_t now_us(void) {
  return cg_clock_system.mono_us(&cg_clock_system);
}

static void now_inside(struct cg_drivers *d, const char *plugin, int64_t us) {
  atomic_store_explicit(&d->inside_us, us, memory_order_relaxed);
  atomic_store_explicit(&d->inside, plugin, memory_order_release);
}

const char *cg_drivers_inside(const struct cg_drivers *d, int64_t *ret_us) {
  const char *plugin = atomic_load_explicit(&d->inside, memory_order_acquire);
  *ret_us = atomic_load_explicit(&d->inside_us, memory_order_relaxed);
  return plugin;
}

static bool enter(struct cg_drivers *d, const struct driver *it, uint32_t ms,
                  const struct cg_result_kind *kind, cg_call_fn *fn, void *arg,
                  struct op *op) {
  if (!it || d->stopping) {
    fn(arg, CGP_E_UNAVAILABLE, NULL,
       it ? "the gate is stopping" : "no plugin serves this");
    return false;
  }
  *op = (struct op){.d = d, .it = it, .began_us = now_us()};
  op->call = cg_call_begin(d->calls, &it->host->owner, ms, kind, fn, arg);
  if (op->call.id) {
    op->outer = atomic_load_explicit(&d->inside, memory_order_relaxed);
    op->outer_us = atomic_load_explicit(&d->inside_us, memory_order_relaxed);
    now_inside(d, it->plugin->name, op->began_us);
    return true;
  }
  fn(arg, CGP_E_BUSY, NULL, "the plugin has too many calls open");
  return false;
}

static void blocked(struct cg_host *h, int64_t now, int64_t us) {
  if (h->blocked_metric >= 0)
    cg_metric_add(h->env->metrics, h->abi.worker, h->blocked_metric, 1);
  if (h->blocked_logged_us && now - h->blocked_logged_us < BLOCKED_LOG_US) return;
  h->blocked_logged_us = now;
  CG_LOG(h->env->log, CG_ERROR, "plugin blocked its worker", {"plugin", h->plugin, 0},
         {"worker", NULL, h->abi.worker}, {"dur_ms", NULL, us / 1000});
}

static void leave(const struct op *op) {
  int64_t now = now_us(), us = now - op->began_us;
  now_inside(op->d, op->outer, op->outer_us);
  if (us > BLOCKED_US) blocked(op->it->host, now, us);
}

/* One op of one kind: begin, enter the plugin with its arguments, leave.  trace: on whose
 * behalf; NULL: nobody's. */
#define CALL_FOR(trace, outcome, kind, op_name, ms, result, ...)                         \
  do {                                                                                   \
    struct op op;                                                                        \
    if (!enter(d, d->kind, (ms), &cg_result_##result, fn, arg, &op)) break;              \
    cg_call_set_trace(d->calls, op.call, (trace));                                       \
    cg_call_set_outcome(d->calls, op.call, (outcome));                                   \
    op.it->plugin->abi->kind->op_name(op.it->w, __VA_ARGS__ op.call);                    \
    leave(&op);                                                                          \
  } while (0)
#define CALL(...) CALL_FOR(NULL, NULL, __VA_ARGS__)
/* An op that a request waits for. */
#define SEEN_CALL_FOR(trace, kind, op_name, ...)                                         \
  CALL_FOR(trace, &d->seen[SEEN_##op_name], kind, op_name, __VA_ARGS__)
#define SEEN_CALL(...) SEEN_CALL_FOR(NULL, __VA_ARGS__)
#define ARG(...)       __VA_ARGS__,

/* true: the request can never work, and fn has heard why. */
static bool refused(const char *odd, cg_call_fn *fn, void *arg) {
  if (odd) fn(arg, CGP_E_INVALID, NULL, odd);
  return odd;
}

void cg_cameras_get(struct cg_drivers *d, const char *id, cg_call_fn *fn, void *arg) {
  SEEN_CALL(cameras, get, d->env.deadlines.cameras, camera, ARG(id));
}

void cg_cameras_list(struct cg_drivers *d, cg_call_fn *fn, void *arg) {
  SEEN_CALL(cameras, list, d->env.deadlines.cameras, cameras, );
}

/* The scopes as the plugin may be given them; false: fn has heard that there is no
 * memory. */
static bool name(struct cg_drivers *d, const struct cgp_scope **scopes, size_t n,
                 const struct cg_result_kind *kind, cg_call_fn **fn, void **arg) {
  if (!d->quota || cg_scope_names_for(d->quota->plugin->abi, scopes, n, kind, fn, arg))
    return true;
  (*fn)(*arg, CGP_E_BUSY, NULL, "no memory for the names of scopes");
  return false;
}

void cg_quota_reserve(struct cg_drivers *d, struct cgp_quota_reserve *r, cg_call_fn *fn,
                      void *arg) {
  r->size = sizeof *r;
  if (refused(cg_reserve_odd(r), fn, arg)) return;
  if (!name(d, &r->scopes, r->n_scopes, &cg_result_verdict, &fn, &arg)) return;
  SEEN_CALL(quota, reserve, d->env.deadlines.quota, verdict, ARG(r));
}

void cg_quota_renew(struct cg_drivers *d, struct cgp_quota_hold *h, cg_call_fn *fn,
                    void *arg) {
  h->size = sizeof *h;
  if (refused(cg_hold_odd(h), fn, arg)) return;
  if (!name(d, &h->scopes, h->n_scopes, &cg_result_renewed, &fn, &arg)) return;
  SEEN_CALL(quota, renew, d->env.deadlines.quota, renewed, ARG(h));
}

void cg_quota_release(struct cg_drivers *d, const char *const *lease_ids, size_t n,
                      cg_call_fn *fn, void *arg) {
  if (refused(cg_lease_ids_odd(lease_ids, n), fn, arg)) return;
  CALL(quota, release, d->env.deadlines.quota, none, ARG(lease_ids, n));
}

void cg_quota_usage(struct cg_drivers *d, const char *scope, cg_call_fn *fn, void *arg) {
  char room[CG_SCOPE_NAME_2_0 + 1];
  if (refused(cg_scope_name_valid(scope) ? NULL : "that is no scope", fn, arg)) return;
  if (d->quota) scope = cg_scope_name_for(d->quota->plugin->abi, scope, room);
  SEEN_CALL(quota, usage, d->env.deadlines.quota, usage, ARG(scope));
}

void cg_quota_sweep(struct cg_drivers *d, cg_call_fn *fn, void *arg) {
  CALL(quota, sweep, d->env.deadlines.quota, swept, );
}

void cg_quota_restore(struct cg_drivers *d, struct cgp_quota_hold *holds, size_t n,
                      cg_call_fn *fn, void *arg) {
  for (size_t i = 0; i < n; i++) {
    holds[i].size = sizeof holds[i];
    if (refused(cg_hold_odd(&holds[i]), fn, arg)) return;
    const struct cg_result_kind *kind = &cg_result_none;
    if (!name(d, &holds[i].scopes, holds[i].n_scopes, kind, &fn, &arg)) return;
  }
  CALL(quota, restore, d->env.deadlines.query, none, ARG(holds, n));
}

void cg_room_ensure(struct cg_drivers *d, const char *room, const struct cg_trace *trace,
                    cg_call_fn *fn, void *arg) {
  SEEN_CALL_FOR(trace, room, ensure, d->env.deadlines.room, none, ARG(room));
}

void cg_room_token(struct cg_drivers *d, struct cgp_room_token_request *r, cg_call_fn *fn,
                   void *arg) {
  r->size = sizeof *r;
  SEEN_CALL(room, token, d->env.deadlines.room, token, ARG(r));
}

void cg_room_remove(struct cg_drivers *d, const char *room, const char *identity,
                    cg_call_fn *fn, void *arg) {
  CALL(room, remove, d->env.deadlines.room, none, ARG(room, identity));
}

/* An op that a plugin of an older minor does not have. */
static bool lists(const struct driver *it) {
  const size_t end = offsetof(struct cgp_room_ops, participants) + sizeof(void (*)(void));
  return !it ||
         (it->plugin->abi->room->size >= end && it->plugin->abi->room->participants);
}

void cg_room_participants(struct cg_drivers *d, const char *room, cg_call_fn *fn,
                          void *arg) {
  if (refused(lists(d->room) ? NULL : "the plugin has no lists", fn, arg)) return;
  CALL(room, participants, d->env.deadlines.room, participants, ARG(room));
}

void cg_ice_issue(struct cg_drivers *d, struct cgp_ice_request *r, cg_call_fn *fn,
                  void *arg) {
  r->size = sizeof *r;
  SEEN_CALL(ice, issue, d->env.deadlines.ice, servers, ARG(r));
}

static void append_rows(struct cg_drivers *d, struct cgp_audit_row *rows, size_t n,
                        uint32_t ms, cg_call_fn *fn, void *arg) {
  bool bounded = n >= 1 && n <= CGP_AUDIT_ROWS_MAX;
  if (refused(bounded ? NULL : "rows are appended 1 to 256 at a time", fn, arg)) return;
  for (size_t i = 0; i < n; i++) rows[i].size = sizeof rows[i];
  struct cg_arena *copies = cg_texts_mend_rows(rows, n);
  SEEN_CALL(audit, append, ms, appended, ARG(rows, n));
  cg_arena_free(copies, NULL);
}

void cg_audit_append(struct cg_drivers *d, struct cgp_audit_row *rows, size_t n,
                     cg_call_fn *fn, void *arg) {
  append_rows(d, rows, n, d->env.deadlines.audit, fn, arg);
}

void cg_audit_append_patient(struct cg_drivers *d, struct cgp_audit_row *rows, size_t n,
                             cg_call_fn *fn, void *arg) {
  append_rows(d, rows, n, PATIENT_MS, fn, arg);
}

int64_t cg_audit_deadline_us(const struct cg_drivers *d) {
  return (int64_t)d->env.deadlines.audit * 1000;
}

void cg_audit_query(struct cg_drivers *d, struct cgp_audit_filter *f, cg_call_fn *fn,
                    void *arg) {
  f->size = sizeof *f;
  CALL(audit, query, d->env.deadlines.query, rows, ARG(f));
}

void cg_audit_live(struct cg_drivers *d, cg_call_fn *fn, void *arg) {
  CALL(audit, live, d->env.deadlines.query, rows, );
}

void cg_audit_verify(struct cg_drivers *d, cg_call_fn *fn, void *arg) {
  CALL(audit, verify, d->env.deadlines.query, audit_verdict, );
}

/* ---- health and routes ---- */

void cg_drivers_health(struct cg_drivers *d, size_t nth, cg_call_fn *fn, void *arg) {
  CG_CHECK(nth < d->n);
  const struct driver *it = &d->items[nth];
  if (!it->plugin->abi->health) {
    fn(arg, CGP_OK, &CGP_MAKE(cgp_health, .ok = true, .text = ""), "");
    return;
  }
  struct op op;
  uint32_t ms = d->env.deadlines.query < HEALTH_MS ? d->env.deadlines.query : HEALTH_MS;
  if (!enter(d, it, ms, &cg_result_health, fn, arg, &op)) return;
  it->plugin->abi->health(it->w, op.call);
  leave(&op);
}

void cg_drivers_probed(struct cg_drivers *d, size_t nth, const struct cgp_health *h) {
  struct driver *it = &d->items[nth];
  char text[CG_ERR_TEXT_MAX];
  snprintf(text, sizeof text, "%s", h->text);
  cg_log_mask(d->env.base->log, text);
  cg_outcome_note(&it->health, h->ok ? CGP_OK : CGP_E_UNAVAILABLE, text);
  for (enum seen op = 0; h->ok && op < SEEN; op++)
    if (server_of(d, op) == it) cg_outcome_probed_well(&d->seen[op]);
}

static void look_at(struct cg_outcome *o, const char *op, struct cg_failing *newest) {
  struct cg_failing f = {.op = op};
  f.since_us = cg_outcome_read(o, f.text, sizeof f.text);
  if (f.since_us > newest->since_us) *newest = f;
}

bool cg_drivers_failing(struct cg_drivers *d, size_t nth, struct cg_failing *ret) {
  struct driver *it = &d->items[nth];
  *ret = (struct cg_failing){0};
  look_at(&it->health, "health", ret);
  for (enum seen op = 0; op < SEEN; op++)
    if (server_of(d, op) == it) look_at(&d->seen[op], ops[op].name, ret);
  return ret->since_us;
}

void cg_audit_health(struct cg_drivers *d, cg_call_fn *fn, void *arg) {
  if (d->audit)
    cg_drivers_health(d, (size_t)(d->audit - d->items), fn, arg);
  else
    fn(arg, CGP_E_UNAVAILABLE, NULL, "no plugin serves this");
}

bool cg_drivers_route(struct cg_drivers *d, struct cgp_http_request *req, cg_call_fn *fn,
                      void *arg, struct cg_buf *allow) {
  const struct cgp_route *route = NULL;
  const struct driver *it = NULL;
  size_t fit = 0;
  req->size = sizeof *req;
  if (!strcmp(req->method, "HEAD")) req->method = "GET";
  for (size_t i = 0; i < d->n; i++) {
    const struct cgp_plugin *abi = d->items[i].plugin->abi;
    const struct cgp_route *better = cg_route_better(abi, req, &fit, allow);
    if (better) route = better, it = &d->items[i];
  }
  if (!route) return false;
  struct op op;
  if (!enter(d, it, d->env.deadlines.query, &cg_result_reply, fn, arg, &op)) return true;
  route->handle(it->w, req, op.call);
  leave(&op);
  return true;
}
