#include "plugin/host.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#define POSTS_MAX      65536
#define POSTS_FIRST    16
#define LINE_MAX_BYTES 1024

#define FETCH_HEADERS_MAX 32 /* of a transfer that carries a trace on */

struct cgp_timer {
  struct cg_link link;
  struct cg_host *h;
  struct cg_timer timer;
  void (*fn)(void *arg);
  void *arg;
};

static struct cg_host *host(struct cgp_host *h) {
  return CG_CONTAINER(h, struct cg_host, abi);
}

/* The host of a running worker, on its thread; anything else is a bug of the plugin. */
static struct cg_host *on_loop(struct cgp_host *abi) {
  struct cg_host *h = host(abi);
  CG_CHECK(h->loop && "no event loop here: init has none");
  CG_CHECK(cg_loop_is_mine(h->loop) && "a host function on another thread");
  return h;
}

/* ---- log, options, time ---- */

static const enum cg_level levels[] = {CG_DEBUG, CG_INFO, CG_WARN, CG_ERROR};

/* Has it words of its own, or only those that it is given ("%s: %s")? */
static bool has_words(const char *fmt) {
  for (const char *at = fmt; *at; at++) {
    if (*at == '%')
      at += strcspn(at, "diouxXeEfFgGaAcspnm");
    else if (isalpha((unsigned char)*at))
      return true;
    if (!*at) break;
  }
  return false;
}

/* Lines of one format are of one kind: what is filled in are its fields. */
static void host_log(struct cgp_host *abi, enum cgp_level level, const char *fmt, ...) {
  struct cg_host *h = host(abi);
  char text[LINE_MAX_BYTES];
  const struct cg_kv by = {"plugin", h->plugin, 0};
  va_list ap;
  va_start(ap, fmt);
  cg_utf8_vprint(text, sizeof text, fmt, ap);
  va_end(ap);
  enum cg_level as = (unsigned)level < CG_COUNT(levels) ? levels[level] : CG_ERROR;
  cg_log_write_kind(h->env->log, as, has_words(fmt) ? fmt : text, text, &by, 1);
}

static const char *conf_string(struct cgp_host *h, const char *name) {
  return cg_options_string(host(h)->options, name);
}

static int64_t conf_int(struct cgp_host *h, const char *name) {
  return cg_options_int(host(h)->options, name);
}

static bool conf_bool(struct cgp_host *h, const char *name) {
  return cg_options_bool(host(h)->options, name);
}

static const char *state_dir(struct cgp_host *h) {
  return host(h)->env->state_dir;
}

static const char *node(struct cgp_host *h) {
  return host(h)->env->node;
}

static int64_t wall_us(struct cgp_host *h) {
  const struct cg_clock *clock = host(h)->env->clock;
  return clock->wall_us(clock);
}

static int64_t mono_us(struct cgp_host *h) {
  const struct cg_clock *clock = host(h)->env->clock;
  return clock->mono_us(clock);
}

/* ---- calls ---- */

/* A worker's host on its own thread; else it is counted, and the plugin is named. */
static bool may_complete(struct cg_host *h) {
  CG_CHECK(h->loop && "no calls in init");
  if (cg_loop_is_mine(h->loop)) return true;
  cg_call_misused(h->calls, CG_MISUSE_THREAD, h->plugin);
  return false;
}

static void *call_alloc(struct cgp_host *abi, struct cgp_call call, size_t n) {
  struct cg_host *h = host(abi);
  return may_complete(h) ? cg_call_alloc(h->calls, call, n) : NULL;
}

static void done(struct cgp_host *abi, struct cgp_call call, const void *result) {
  struct cg_host *h = host(abi);
  if (may_complete(h)) cg_call_done(h->calls, call, result);
}

static void fail(struct cgp_host *abi, struct cgp_call call, enum cgp_code code,
                 const char *fmt, ...) {
  struct cg_host *h = host(abi);
  if (!may_complete(h)) return;
  char text[CG_ERR_TEXT_MAX];
  va_list ap;
  va_start(ap, fmt);
  cg_utf8_vprint(text, sizeof text, fmt, ap);
  va_end(ap);
  cg_log_mask(h->env->log, text);
  cg_call_fail(h->calls, call, code, text);
}

/* ---- timers ---- */

static void timer_free(struct cgp_timer *t) {
  cg_list_remove(&t->h->timers, &t->link);
  cg_timer_stop(&t->timer);
  cg_free(t);
}

static void fire(void *arg) {
  struct cgp_timer *t = arg;
  void (*fn)(void *) = t->fn;
  void *fn_arg = t->arg;
  timer_free(t);
  fn(fn_arg);
}

static struct cgp_timer *timer(struct cgp_host *abi, uint32_t ms, void (*fn)(void *),
                               void *arg) {
  struct cg_host *h = on_loop(abi);
  struct cgp_timer *t = cg_alloc(sizeof *t);
  if (!t) return NULL;
  *t = (struct cgp_timer){.h = h, .fn = fn, .arg = arg};
  cg_list_add(&h->timers, &t->link);
  cg_timer_start(&t->timer, h->loop, (int64_t)ms * 1000, fire, t);
  return t;
}

static void timer_stop(struct cgp_host *abi, struct cgp_timer *t) {
  on_loop(abi);
  if (t) timer_free(t);
}

void cg_host_drop_timers(struct cg_host *h) {
  while (h->timers.first)
    timer_free(CG_CONTAINER(h->timers.first, struct cgp_timer, link));
}

/* ---- posts ---- */

static void run_posts(struct cg_host *h) {
  pthread_mutex_lock(&h->lock);
  struct cg_posts all = h->in;
  h->in = h->spare;
  h->spare = (struct cg_posts){0};
  pthread_mutex_unlock(&h->lock);
  for (size_t i = 0; i < all.n; i++) all.items[i].fn(all.items[i].arg);
  pthread_mutex_lock(&h->lock);
  cg_free(h->spare.items); /* of a run inside a run */
  h->spare = (struct cg_posts){.items = all.items, .cap = all.cap};
  pthread_mutex_unlock(&h->lock);
}

static bool posts_add(struct cg_posts *p, struct cg_post post) {
  if (p->n == p->cap) {
    if (p->n == POSTS_MAX) return false;
    size_t cap = p->cap ? p->cap * 2 : POSTS_FIRST;
    struct cg_post *items = cg_realloc(p->items, cap * sizeof *items);
    if (!items) return false;
    p->items = items;
    p->cap = cap;
  }
  p->items[p->n++] = post;
  return true;
}

static void woken(void *arg) {
  struct cg_host *h = arg;
  pthread_mutex_lock(&h->lock);
  h->waking = false;
  pthread_mutex_unlock(&h->lock);
  run_posts(h);
}

static bool post(struct cgp_host *abi, void (*fn)(void *arg), void *arg) {
  struct cg_host *h = host(abi);
  pthread_mutex_lock(&h->lock);
  bool ok = h->running && posts_add(&h->in, (struct cg_post){fn, arg});
  if (ok && !h->waking) {
    h->waking = true;
    cg_loop_send(h->loop, &h->mail, woken, h);
  }
  pthread_mutex_unlock(&h->lock);
  return ok;
}

void cg_host_stop(struct cg_host *h) {
  cg_tellings_give_up(&h->tellings);
  run_posts(h);
  pthread_mutex_lock(&h->lock);
  h->running = false;
  pthread_mutex_unlock(&h->lock);
  run_posts(h); /* what came in between */
}

/* ---- fetch, events, metrics ---- */

static void fetch(struct cgp_host *abi, const struct cgp_fetch *f,
                  void (*fn)(void *arg, const struct cgp_fetched *got), void *arg) {
  struct cg_host *h = on_loop(abi);
  bool whole = f->size >= sizeof *f && f->n_headers < FETCH_HEADERS_MAX;
  const struct cg_trace *trace = whole ? cg_call_trace(h->calls, f->call) : NULL;
  if (!trace) {
    cg_fetch(h->fetcher, f, fn, arg);
    return;
  }
  static const char name[] = "traceparent: ";
  char line[sizeof name + CG_TRACEPARENT_LEN];
  const char *headers[FETCH_HEADERS_MAX];
  struct cgp_fetch traced = *f;
  memcpy(line, name, sizeof name);
  cg_trace_format(trace, f->call.id, line + sizeof name - 1);
  if (f->n_headers) memcpy(headers, f->headers, f->n_headers * sizeof *headers);
  headers[traced.n_headers++] = line;
  traced.headers = headers;
  cg_fetch(h->fetcher, &traced, fn, arg);
}

/* What is wrong with it, or it is handed on. */
static bool hand_on(struct cg_host *h, const struct cgp_room_event *given,
                    cg_told_fn *told, void *arg) {
  struct cgp_room_event ev;
  bool odd = cg_room_event_read(given, &ev);
  if (odd) cg_call_misused(h->calls, CG_MISUSE_NONSENSE, h->plugin);
  if (odd || !h->room_event) return false;
  h->room_event(h->ctx, &ev, told, arg);
  return true;
}

static void room_event(struct cgp_host *abi, const struct cgp_room_event *ev) {
  hand_on(on_loop(abi), ev, NULL, NULL);
}

static void room_event_told(struct cgp_host *abi, const struct cgp_room_event *ev,
                            cg_told_fn *fn, void *arg) {
  struct cg_host *h = on_loop(abi);
  struct cg_telling *t = cg_telling_new(&h->tellings, fn, arg);
  if (!t)
    fn(arg, CGP_E_BUSY);
  else if (!hand_on(h, ev, cg_telling_over, t))
    cg_telling_over(t, CGP_E_INVALID);
}

static void cameras_changed(struct cgp_host *abi, const struct cgp_camera_change *changes,
                            size_t n) {
  struct cg_host *h = host(abi);
  CG_CHECK(h->changes && "cameras change in reload, and main's host hears of it");
  if (!cg_camera_changes_note(h->changes, changes, n))
    host_log(abi, CGP_WARN, "plugin named a change that is none");
}

static int metric(struct cgp_host *abi, const char *name, const char *help, bool gauge) {
  struct cg_host *h = host(abi);
  char words[LINE_MAX_BYTES];
  CG_CHECK(!h->loop && "metrics are registered in init");
  cg_utf8_copy(words, sizeof words, help);
  return cg_metric(h->env->metrics, gauge ? CG_GAUGE : CG_COUNTER, name, "", words);
}

static void metric_add(struct cgp_host *abi, int id, int64_t n) {
  struct cg_host *h = host(abi);
  if (id >= 0) cg_metric_add(h->env->metrics, h->abi.worker, id, n);
}

static struct event_base *event_base(struct cgp_host *abi) {
  return cg_loop_base(on_loop(abi)->loop);
}

/* ---- life ---- */

static const struct cgp_host functions = {
    .size = sizeof(struct cgp_host),
    .log = host_log,
    .conf_string = conf_string,
    .conf_int = conf_int,
    .conf_bool = conf_bool,
    .state_dir = state_dir,
    .node = node,
    .wall_us = wall_us,
    .mono_us = mono_us,
    .call_alloc = call_alloc,
    .done = done,
    .fail = fail,
    .timer = timer,
    .timer_stop = timer_stop,
    .post = post,
    .fetch = fetch,
    .room_event = room_event,
    .cameras_changed = cameras_changed,
    .metric = metric,
    .metric_add = metric_add,
    .event_base = event_base,
    .room_event_told = room_event_told,
};

struct cg_host *cg_host_new(const char *plugin, const struct cg_plugins_env *env,
                            const struct cg_options *options) {
  struct cg_host *h = cg_alloc(sizeof *h);
  if (!h) return NULL;
  h->abi = functions;
  h->abi.n_workers = env->n_workers;
  h->plugin = plugin;
  h->env = env;
  h->options = options;
  h->owner.plugin = plugin;
  pthread_mutex_init(&h->lock, NULL);
  return h;
}

static bool make_posts(struct cg_posts *p) {
  p->items = cg_alloc(POSTS_FIRST * sizeof *p->items);
  p->cap = p->items ? POSTS_FIRST : 0;
  return p->items;
}

struct cg_host *cg_host_worker(struct cg_host *main, uint32_t worker,
                               struct cg_loop *loop, struct cg_calls *calls,
                               struct cg_fetcher *fetcher) {
  struct cg_host *h = cg_host_new(main->plugin, main->env, main->options);
  if (!h) return NULL;
  if (!make_posts(&h->in) || !make_posts(&h->spare)) {
    cg_host_free(h);
    return NULL;
  }
  h->abi.worker = worker;
  h->loop = loop;
  h->calls = calls;
  h->fetcher = fetcher;
  h->running = true;
  h->blocked_metric =
      cg_metric(h->env->metrics, CG_COUNTER, "plugin_blocked_total", "",
                "Ops of plugins that held a worker for more than 100 ms.");
  pthread_mutex_lock(&main->lock);
  h->next = main->next;
  main->next = h;
  pthread_mutex_unlock(&main->lock);
  return h;
}

void cg_host_free(struct cg_host *h) {
  for (struct cg_host *next; h; h = next) {
    next = h->next;
    cg_host_drop_timers(h);
    cg_free(h->in.items);
    cg_free(h->spare.items);
    pthread_mutex_destroy(&h->lock);
    cg_free(h);
  }
}
