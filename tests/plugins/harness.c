#include "harness.h"

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define TURN_US 1000

struct worker {
  struct harness *h;
  uint32_t n;
  struct cg_loop *loop;
  struct cg_drivers *drivers;
  struct cg_timer turn;
  struct cg_mail mail;
  pthread_t thread;
  void (*fn)(struct harness *h, uint32_t worker, void *arg);
  void *arg;
};

struct harness {
  struct harness_config config;
  char state_dir[64], *logged;
  bool own_state;
  int log_fd;
  struct cg_log *log;
  struct cg_metrics *metrics;
  struct cg_arena *arena;
  struct cg_plugins_env env;
  struct cg_plugins *set;
  uint32_t n;
  struct worker *workers;
  pthread_mutex_t lock; /* guards events */
  struct harness_event events[HARNESS_EVENTS_MAX];
  size_t n_events;
  bool holds;
  struct {
    cg_told_fn *told;
    void *arg;
  } held[HARNESS_HELD_MAX];
  size_t n_held;
};

/* ---- open, close ---- */

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *ftw) {
  (void)st, (void)kind, (void)ftw;
  return remove(path);
}

static void keep_event(void *ctx, const struct cgp_room_event *ev, cg_told_fn *told,
                       void *arg) {
  struct worker *w = ctx;
  struct harness *h = w->h;
  pthread_mutex_lock(&h->lock);
  struct harness_event *e = &h->events[h->n_events % HARNESS_EVENTS_MAX];
  h->n_events++;
  *e = (struct harness_event){.type = ev->type, .at_us = ev->at_us, .worker = w->n};
  snprintf(e->room, sizeof e->room, "%s", ev->room);
  snprintf(e->identity, sizeof e->identity, "%s", ev->identity);
  snprintf(e->sid, sizeof e->sid, "%s", ev->sid);
  snprintf(e->room_sid, sizeof e->room_sid, "%s", ev->room_sid);
  pthread_mutex_unlock(&h->lock);
  if (told && h->holds) {
    assert_true(h->n_held < HARNESS_HELD_MAX);
    h->held[h->n_held].told = told;
    h->held[h->n_held++].arg = arg;
  } else if (told) {
    told(arg, CGP_OK);
  }
}

void harness_hold_events(struct harness *h) {
  h->holds = true;
}

void harness_let_events_go(struct harness *h, enum cgp_code code) {
  h->holds = false;
  for (size_t i = 0; i < h->n_held; i++) h->held[i].told(h->held[i].arg, code);
  h->n_held = 0;
}

static bool load(struct harness *h, struct cg_err *err) {
  json_error_t at;
  json_t *options = json_loads(h->config.options ? h->config.options : "{}", 0, &at);
  if (!options) return cg_fail(err, CG_E_MALFORMED, "options: %s", at.text);
  json_t *all = json_object();
  json_object_set_new(all, h->config.plugin, options);
  h->env.options = all;
  struct cg_field_errors errs = {.n = 0};
  h->set = cg_plugins_load(&h->env, h->arena, &errs);
  json_decref(all);
  if (h->set && cg_plugins_init(h->set, h->arena, &errs)) return true;
  return cg_fail(err, CG_E_INVALID, "%s: %s", errs.items[0].pointer, errs.items[0].text);
}

static bool start(struct harness *h, uint32_t i, struct cg_err *err) {
  struct worker *w = &h->workers[i];
  uint32_t ms = h->config.deadline_ms ? h->config.deadline_ms : 5000;
  *w = (struct worker){.h = h, .n = i, .loop = cg_loop_new(err)};
  if (!w->loop) return false;
  const struct cg_drivers_env env = {
      .set = h->set,
      .loop = w->loop,
      .worker = i,
      .base = &h->env,
      .deadlines = {ms, ms, ms, ms, ms, ms},
      .room_event = keep_event,
      .ctx = w,
  };
  w->drivers = cg_drivers_start(&env, err);
  return w->drivers;
}

static void prepare(struct harness *h) {
  const struct harness_config *c = &h->config;
  snprintf(h->state_dir, sizeof h->state_dir, "/tmp/camgate-harness-XXXXXX");
  h->own_state = !c->state_dir;
  if (h->own_state) assert_non_null(mkdtemp(h->state_dir));
  const char *state = h->own_state ? h->state_dir : c->state_dir;
  const struct cg_clock *clock = c->clock ? c->clock : &cg_clock_system;
  h->log_fd = memfd_create("log", MFD_CLOEXEC);
  h->log = cg_log_new(h->log_fd, CG_DEBUG, clock);
  h->n = c->workers ? c->workers : 1;
  h->metrics = cg_metrics_new(h->n);
  h->arena = cg_arena_new(NULL, (size_t)1 << 20);
  h->workers = calloc(h->n, sizeof *h->workers);
  pthread_mutex_init(&h->lock, NULL);
  h->env = (struct cg_plugins_env){
      .dir = c->dir ? c->dir : BINARY_DIR "/plugins",
      .conf_dir = c->conf_dir ? c->conf_dir : state,
      .state_dir = state,
      .node = "test",
      .log = h->log,
      .metrics = h->metrics,
      .clock = clock,
      .n_workers = h->n,
      .partial = true,
  };
}

struct harness *harness_try(const struct harness_config *config, struct cg_err *err) {
  struct harness *h = calloc(1, sizeof *h);
  assert_non_null(h);
  h->config = *config;
  prepare(h);
  bool ok = load(h, err);
  for (uint32_t i = 0; ok && i < h->n; i++) ok = start(h, i, err);
  if (ok) return h;
  harness_close(h);
  return NULL;
}

struct harness *harness_open(const char *plugin, const char *options) {
  struct cg_err err = {0};
  struct harness *h =
      harness_try(&(struct harness_config){.plugin = plugin, .options = options}, &err);
  if (!h) fail_msg("%s", err.text);
  return h;
}

void harness_close(struct harness *h) {
  if (!h) return;
  for (uint32_t i = h->n; i-- > 0;) {
    cg_timer_stop(&h->workers[i].turn);
    cg_drivers_free(h->workers[i].drivers);
    cg_loop_free(h->workers[i].loop);
  }
  harness_let_events_go(h, CGP_OK); /* too late */
  cg_plugins_free(h->set);
  cg_arena_free(h->arena, NULL);
  cg_metrics_free(h->metrics);
  cg_log_free(h->log);
  close(h->log_fd);
  if (h->own_state) nftw(h->state_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  pthread_mutex_destroy(&h->lock);
  free(h->workers);
  free(h->logged);
  free(h);
}

/* ---- looking ---- */

struct cg_drivers *harness_drivers(struct harness *h, uint32_t worker) {
  return h->workers[worker].drivers;
}

struct cg_loop *harness_loop(struct harness *h, uint32_t worker) {
  return h->workers[worker].loop;
}

struct cg_plugins *harness_set(struct harness *h) {
  return h->set;
}

const char *harness_state_dir(struct harness *h) {
  return h->own_state ? h->state_dir : h->config.state_dir;
}

int64_t harness_metric(struct harness *h, const char *name, const char *labels) {
  int id = cg_metric(h->metrics, CG_COUNTER, name, labels, "");
  if (id < 0) id = cg_metric(h->metrics, CG_GAUGE, name, labels, "");
  assert_true(id >= 0);
  return cg_metric_sum(h->metrics, id);
}

const char *harness_logged(struct harness *h) {
  struct stat st;
  assert_int_equal(fstat(h->log_fd, &st), 0);
  free(h->logged);
  h->logged = calloc(1, (size_t)st.st_size + 1);
  assert_int_equal(pread(h->log_fd, h->logged, (size_t)st.st_size, 0), st.st_size);
  return h->logged;
}

size_t harness_events(struct harness *h, const struct harness_event **ret) {
  *ret = h->events;
  return h->n_events;
}

/* ---- turning ---- */

static int64_t now_us(void) {
  return cg_clock_system.mono_us(&cg_clock_system);
}

static void stop_turn(void *arg) {
  struct worker *w = arg;
  cg_loop_stop(w->loop);
}

static void turn_all(struct harness *h) {
  for (uint32_t i = 0; i < h->n; i++) {
    struct worker *w = &h->workers[i];
    cg_timer_start(&w->turn, w->loop, TURN_US, stop_turn, w);
    cg_loop_run(w->loop);
  }
}

void harness_run_until(struct harness *h, const bool *flag) {
  int64_t end = now_us() + HARNESS_PATIENCE_MS * 1000;
  while (!*flag && now_us() < end) turn_all(h);
  if (!*flag) fail_msg("nothing came within %d ms", HARNESS_PATIENCE_MS);
}

void harness_run_ms(struct harness *h, uint32_t ms) {
  int64_t end = now_us() + (int64_t)ms * 1000;
  do turn_all(h);
  while (now_us() < end);
}

static void *run_thread(void *arg) {
  struct worker *w = arg;
  cg_loop_run(w->loop);
  return NULL;
}

static void begin_thread(void *arg) {
  struct worker *w = arg;
  w->fn(w->h, w->n, w->arg);
}

void harness_threads(struct harness *h,
                     void (*fn)(struct harness *h, uint32_t worker, void *arg),
                     void *arg) {
  for (uint32_t i = 0; i < h->n; i++) {
    struct worker *w = &h->workers[i];
    w->fn = fn;
    w->arg = arg;
    cg_loop_send(w->loop, &w->mail, begin_thread, w);
    assert_int_equal(pthread_create(&w->thread, NULL, run_thread, w), 0);
  }
  for (uint32_t i = 0; i < h->n; i++) pthread_join(h->workers[i].thread, NULL);
  turn_all(h); /* the loops are this thread's again */
}

void harness_thread_done(struct harness *h, uint32_t worker) {
  cg_loop_stop(h->workers[worker].loop);
}

/* ---- calls ---- */

void harness_answered(void *arg, enum cgp_code code, const void *result,
                      const char *text) {
  struct harness_call *c = arg;
  c->code = code;
  c->times++;
  snprintf(c->text, sizeof c->text, "%s", text ? text : "(NULL)");
  if (code == CGP_OK && c->copy)
    c->copy(c->to, result);
  else if (code == CGP_OK && c->to)
    memcpy(c->to, result, c->to_size);
  c->done = true;
}

enum cgp_code harness_wait(struct harness *h, struct harness_call *c) {
  harness_run_until(h, &c->done);
  return c->code;
}

static void expect_ok(struct harness *h, struct harness_call *c) {
  if (harness_wait(h, c) != CGP_OK) fail_msg("code %d: %s", c->code, c->text);
}

static void copy_verdict(void *to, const void *result) {
  struct harness_verdict *v = to;
  const struct cgp_quota_verdict *r = result;
  v->granted = r->granted;
  v->rung = r->rung;
  v->limit = r->limit;
  v->in_use = r->in_use;
  snprintf(v->scope, sizeof v->scope, "%s", r->scope ? r->scope : "");
}

struct harness_verdict harness_quota_reserve(struct harness *h, uint32_t worker,
                                             struct cgp_quota_reserve *req) {
  struct harness_verdict v = {0};
  struct harness_call c = {.copy = copy_verdict, .to = &v};
  cg_quota_reserve(harness_drivers(h, worker), req, harness_answered, &c);
  expect_ok(h, &c);
  return v;
}

bool harness_quota_renew(struct harness *h, uint32_t worker,
                         struct cgp_quota_hold *hold) {
  struct cgp_quota_renewed r = {0};
  struct harness_call c = {.to = &r, .to_size = sizeof r};
  cg_quota_renew(harness_drivers(h, worker), hold, harness_answered, &c);
  expect_ok(h, &c);
  return r.known;
}

void harness_quota_release(struct harness *h, uint32_t worker,
                           const char *const *lease_ids, size_t n) {
  struct harness_call c = {0};
  cg_quota_release(harness_drivers(h, worker), lease_ids, n, harness_answered, &c);
  expect_ok(h, &c);
}

uint64_t harness_quota_usage(struct harness *h, uint32_t worker, const char *scope) {
  struct cgp_quota_usage r = {0};
  struct harness_call c = {.to = &r, .to_size = sizeof r};
  cg_quota_usage(harness_drivers(h, worker), scope, harness_answered, &c);
  expect_ok(h, &c);
  return r.in_use;
}

uint64_t harness_quota_sweep(struct harness *h, uint32_t worker) {
  struct cgp_quota_swept r = {0};
  struct harness_call c = {.to = &r, .to_size = sizeof r};
  cg_quota_sweep(harness_drivers(h, worker), harness_answered, &c);
  expect_ok(h, &c);
  return r.lapsed;
}

void harness_quota_restore(struct harness *h, uint32_t worker,
                           struct cgp_quota_hold *holds, size_t n) {
  struct harness_call c = {0};
  cg_quota_restore(harness_drivers(h, worker), holds, n, harness_answered, &c);
  expect_ok(h, &c);
}

int64_t harness_audit_append(struct harness *h, uint32_t worker,
                             struct cgp_audit_row *row) {
  struct cgp_audit_appended r = {0};
  struct harness_call c = {.to = &r, .to_size = sizeof r};
  cg_audit_append(harness_drivers(h, worker), row, 1, harness_answered, &c);
  expect_ok(h, &c);
  return r.seq;
}

static void copy_health(void *to, const void *result) {
  struct harness_reply *r = to;
  const struct cgp_health *health = result;
  r->status = !health || health->ok;
  snprintf(r->body, sizeof r->body, "%s", health ? health->text : "");
}

bool harness_health(struct harness *h, uint32_t worker, char *text, size_t n) {
  struct harness_reply r = {0};
  struct harness_call c = {.copy = copy_health, .to = &r};
  cg_drivers_health(harness_drivers(h, worker), 0, harness_answered, &c);
  expect_ok(h, &c);
  if (text) snprintf(text, n, "%s", r.body);
  return r.status;
}

/* ---- http ---- */

static const char *header(const struct cgp_http_request *req, const char *name) {
  size_t n = strlen(name);
  for (const char *const *at = req->given; at && *at; at++)
    if (!strncasecmp(*at, name, n) && (*at)[n] == ':')
      return *at + n + 1 + strspn(*at + n + 1, " ");
  return NULL;
}

/* None is ever given. */
static const char *query(const struct cgp_http_request *req, const char *name) {
  (void)req, (void)name;
  return NULL;
}

static void copy_reply(void *to, const void *result) {
  struct harness_reply *r = to;
  const struct cgp_http_reply *got = result;
  r->status = got->status;
  snprintf(r->content_type, sizeof r->content_type, "%s",
           got->content_type ? got->content_type : "");
  if (got->body) snprintf(r->body, sizeof r->body, "%.*s", (int)got->body_len, got->body);
}

struct harness_reply harness_http(struct harness *h, uint32_t worker, const char *method,
                                  const char *path, const char *const *headers,
                                  const char *body) {
  struct harness_reply r = {0};
  struct harness_call c = {.copy = copy_reply, .to = &r};
  struct cgp_http_request req = {
      .method = method,
      .path = path,
      .client_addr = "127.0.0.1",
      .request_id = "test",
      .body = body ? body : "",
      .body_len = body ? strlen(body) : 0,
      .given = headers,
      .header = header,
      .query = query,
  };
  char text[64];
  struct cg_buf allow;
  cg_buf_wrap(&allow, text, sizeof text);
  if (!cg_drivers_route(harness_drivers(h, worker), &req, harness_answered, &c, &allow))
    return r;
  expect_ok(h, &c);
  return r;
}
