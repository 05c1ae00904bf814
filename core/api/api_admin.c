/* The admin listener: livez, readyz, metrics, status, reload. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/check.h"
#include "plugin/health.h"

#define METRICS_MAX ((size_t)1024 * 1024)
#define WORDS_MAX   256

static void livez(struct cg_exchange *x) {
  const struct cg_api *api = cg_api_of(x);
  char words[WORDS_MAX] = "ok", text[WORDS_MAX + 1];
  bool alive = api->alive(api->app, words, sizeof words);
  int n = snprintf(text, sizeof text, "%s\n", words);
  cg_exchange_reply(x, alive ? 200 : 503, "text/plain", text, (size_t)n);
}

static void metrics(struct cg_exchange *x) {
  struct cg_buf b;
  cg_buf_init(&b, METRICS_MAX);
  cg_metrics_render(cg_api_of(x)->metrics, &b);
  if (cg_buf_ok(&b))
    cg_exchange_reply(x, 200, "text/plain; version=0.0.4", b.data, b.len);
  else
    cg_exchange_failf(x, CG_E_MEMORY, "no memory to render the metrics");
  cg_buf_done(&b);
}

/* ---- readyz: every plugin is asked, and what requests met is told ---- */

struct asking {
  struct cg_exchange *x;
  struct cg_health_round round;
  bool ready;
  struct cg_buf text;
};

/* Tokens are still good without the SFU's answer, but no new room is: not ready. */
static void note_health(struct asking *a, const char *what, const struct cgp_health *h) {
  a->ready = a->ready && h->ok;
  cg_json_name(&a->text, what);
  cg_json_open(&a->text, NULL, '{');
  cg_json_bool(&a->text, "ok", h->ok);
  cg_json_str(&a->text, "text", h->text);
  if (h->server) cg_json_str(&a->text, "server", h->server);
  if (h->server_version) cg_json_str(&a->text, "version", h->server_version);
  cg_json_close(&a->text, '}');
}

static void note(struct asking *a, const char *what, bool ok, const char *text) {
  note_health(a, what, &(struct cgp_health){.ok = ok, .text = text});
}

static void all_asked(void *arg) {
  struct asking *a = arg;
  struct cg_exchange *x = a->x;
  bool verbose = cg_exchange_query(x, "verbose");
  cg_json_close(&a->text, '}');
  cg_json_bool(&a->text, "ready", a->ready);
  cg_json_close(&a->text, '}');
  struct cg_buf text = a->text;
  int status = a->ready ? 200 : 503;
  if (verbose && cg_buf_ok(&text))
    cg_exchange_reply(x, status, "application/json", text.data, text.len);
  else if (a->ready)
    cg_exchange_reply(x, status, "text/plain", "ready\n", 6);
  else
    cg_exchange_reply(x, status, "text/plain", "not ready\n", 10);
  cg_buf_done(&text);
}

/* The newest failure on any worker, in words. */
static bool fails_somewhere(const struct cg_service *g, size_t nth, char *out, size_t n) {
  struct cg_failing newest = {0}, f;
  uint32_t where = 0;
  for (uint32_t i = 0; i < g->n_workers; i++) {
    if (!cg_drivers_failing(g->peers[i]->drivers, nth, &f)) continue;
    if (f.since_us <= newest.since_us) continue;
    newest = f;
    where = i;
  }
  if (!newest.since_us) return false;
  int64_t us = cg_clock_system.mono_us(&cg_clock_system) - newest.since_us;
  snprintf(out, n, "%s fails on worker %u for %lld s: %s", newest.op, where,
           (long long)(us / 1000000), newest.text);
  return true;
}

static void answered(void *arg, size_t nth, const struct cgp_health *h) {
  struct asking *a = arg;
  const struct cg_api *api = cg_api_of(a->x);
  char words[CG_ERR_TEXT_MAX + 64];
  struct cgp_health told = *h;
  cg_drivers_probed(api->service->drivers, nth, h);
  if (h->ok && fails_somewhere(api->service, nth, words, sizeof words)) {
    told.ok = false;
    told.text = words;
  }
  note_health(a, api->plugins->items[nth].name, &told);
}

/* Old keys are still keys: stale is told and is not red. */
static void note_keys(struct asking *a) {
  const struct cg_service *g = cg_api_of(a->x)->service;
  char text[CG_ERR_TEXT_MAX + 128];
  if (!g->jwks) return;
  struct cg_jwks_state s = cg_jwks_source_state(g->jwks);
  if (s.age_s < 0)
    snprintf(text, sizeof text, "never fetched: %s", s.why);
  else
    snprintf(text, sizeof text, "%s: %zu keys, fetched %lld s ago%s%s",
             s.stale ? "stale" : "fresh", s.keys, (long long)s.age_s, s.stale ? "; " : "",
             s.why);
  note(a, "keys", cg_auth_has_keys(g->auth), text);
}

static void note_workers(struct asking *a) {
  const struct cg_api *api = cg_api_of(a->x);
  char words[WORDS_MAX] = "all turn";
  bool able = api->able(api->app, words, sizeof words);
  note(a, "workers", able, words);
}

static void readyz(struct cg_exchange *x) {
  const struct cg_api *api = cg_api_of(x);
  struct asking *a = cg_arena_zalloc(x->arena, sizeof *a);
  if (!a) {
    cg_exchange_failf(x, CG_E_MEMORY, "the gate has no memory left");
    return;
  }
  a->x = x;
  a->ready = true;
  cg_buf_init(&a->text, 65536);
  cg_json_open(&a->text, NULL, '{');
  cg_json_open(&a->text, "checks", '{');
  bool serving = api->serving(api->app);
  note(a, "gate", serving, serving ? "serving" : "starting or draining");
  note(a, "policies", true, cg_policy_revision(api->service->policy));
  note_keys(a);
  note_workers(a);
  a->round = (struct cg_health_round){.drivers = api->service->drivers,
                                      .n = api->plugins->n,
                                      .each = answered,
                                      .over = all_asked,
                                      .arg = a};
  cg_health_ask(&a->round);
}

/* ---- status, reload ---- */

static void status(struct cg_exchange *x) {
  const struct cg_api *api = cg_api_of(x);
  char refusal[CG_ERR_TEXT_MAX];
  api->last_refusal(api->app, refusal, sizeof refusal);
  struct cg_buf *b = cg_api_out(x);
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "version", api->version);
  cg_json_str(b, "node", api->node);
  cg_json_time(b, "started_at", api->started_us);
  cg_json_int(b, "workers", api->service->n_workers);
  cg_json_int(b, "leases", cg_metric_sum(api->metrics, api->service->metric->live));
  cg_json_str(b, "policy_revision", cg_policy_revision(api->service->policy));
  cg_zones_json(b, cg_policy_zones(api->service->policy), cg_service_wall(api->service));
  cg_json_str(b, "last_reload_error", *refusal ? refusal : NULL);
  cg_json_open(b, "plugins", '[');
  for (size_t i = 0; i < api->plugins->n; i++) {
    const struct cg_plugin *p = &api->plugins->items[i];
    cg_json_open(b, NULL, '{');
    cg_json_str(b, "name", p->name);
    cg_json_str(b, "version", p->abi->version);
    cg_json_str(b, "summary", p->abi->summary);
    cg_json_close(b, '}');
  }
  cg_json_close(b, ']');
  cg_json_close(b, '}');
  cg_api_send(x, 200, b);
}

static void reloaded(void *arg, const struct cg_err *err, const char *revision) {
  struct cg_exchange *x = arg;
  if (err) {
    cg_exchange_fail(x, err);
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "policy_revision", revision);
  cg_json_close(b, '}');
  cg_api_send(x, 200, b);
}

static void reload(struct cg_exchange *x) {
  const struct cg_api *api = cg_api_of(x);
  api->reload(api->app, api->service, x->client_addr, reloaded, x);
}

const struct cg_route cg_api_admin_routes[] = {
    {"GET", "/livez", livez, 0},     {"GET", "/readyz", readyz, 0},
    {"GET", "/metrics", metrics, 0}, {"GET", "/status", status, 0},
    {"POST", "/reload", reload, 0},  {NULL, NULL, NULL, 0},
};
