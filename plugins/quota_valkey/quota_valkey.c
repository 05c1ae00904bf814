/* quota_valkey - one quota for many gates, kept in a Valkey.
 *
 * Each op is one call of the function library camgate_quota (sweep, restore and
 * release: one for each batch), which does the atomic step; see library/ for the keys.
 * link.h keeps the connection, one for each worker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"
#include "worker.h"

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, .name = "url", .type = CGP_OPT_SECRET, .min = 1,
             .help = "redis://[user:pass@]host:port/db, rediss:// (TLS), or "
                     "unix:///path?db=n."),
    CGP_INIT(cgp_option, .name = "ca", .type = CGP_OPT_PATH,
             .help = "PEM file of the authority of a rediss:// server; the system's."),
    CGP_INIT(cgp_option, .name = "user", .type = CGP_OPT_STRING, .max = 127,
             .help = "User for AUTH, instead of the one in url."),
    CGP_INIT(cgp_option, .name = "password", .type = CGP_OPT_SECRET, .max = 511,
             .help = "Password for AUTH, instead of the one in url."),
    CGP_INIT(cgp_option, .name = "prefix", .type = CGP_OPT_STRING, .min = 1, .max = 64,
             .def = "camgate:",
             .help = "Begins every key; gates with the same prefix share one quota."),
    CGP_INIT(
        cgp_option, .name = "timeout_ms", .type = CGP_OPT_INT, .min = 10, .max = 60000,
        .def = "500",
        .help = "A connection that leaves a command unanswered for so long is given up."),
    CGP_INIT(cgp_option, .name = "max_pending", .type = CGP_OPT_INT, .min = 1,
             .max = 65536, .def = "4096",
             .help = "Commands under way per worker; beyond it the answer is busy."),
    CGP_INIT(cgp_option, .name = "load_functions", .type = CGP_OPT_BOOL, .def = "true",
             .help = "Load the function library when it is absent or older."),
    CGP_INIT(cgp_option, .name = "read_only", .type = CGP_OPT_BOOL, .def = "false",
             .help = "Only ask questions: nothing is loaded or written."),
};

/* Life. */

static const char *overridden(struct cgp_host *h, const char *option, char *to,
                              size_t n) {
  const char *value = h->conf_string(h, option);
  if (!value) return NULL;
  return (size_t)snprintf(to, n, "%s", value) < n ? NULL : "user or password is too long";
}

static const char *configure(struct gate *g, struct cgp_host *h) {
  static const char *const names[KEYS] = {"usage", "leases", "expiry"};
  struct url *url = &g->link.url;
  const char *text = h->conf_string(h, "url"), *wrong;
  if (!text) return "url is needed";
  if ((wrong = url_parse(text, url)) ||
      (wrong = overridden(h, "user", url->user, sizeof url->user)) ||
      (wrong = overridden(h, "password", url->password, sizeof url->password)))
    return wrong;
  g->prefix = h->conf_string(h, "prefix");
  for (size_t i = 0; i < KEYS; i++)
    snprintf(g->keys[i], sizeof g->keys[i], "%s%s", g->prefix, names[i]);
  snprintf(g->no_key, sizeof g->no_key, "%snothing", g->prefix);
  g->link.no_key = g->no_key;
  g->link.timeout_ms = (uint32_t)h->conf_int(h, "timeout_ms");
  g->link.max_pending = (uint32_t)h->conf_int(h, "max_pending");
  g->link.load_functions = h->conf_bool(h, "load_functions");
  g->link.read_only = h->conf_bool(h, "read_only");
  return NULL;
}

static const char *secure(struct gate *g, struct cgp_host *h) {
  const char *ca = h->conf_string(h, "ca");
  if (!g->link.url.tls)
    return ca ? "is for a rediss:// server: what url names is spoken to in the clear"
              : NULL;
  g->link.tls = tls_new(ca);
  return g->link.tls ? NULL : "the authority cannot be read, or out of memory";
}

static void register_metrics(struct gate *g, struct cgp_host *h) {
  g->repaired =
      h->metric(h, "quota_valkey_repaired_total",
                "Counters and holdings in Valkey that a recount put right.", false);
  g->steps = h->metric(h, "quota_valkey_clock_steps_total",
                       "Steps of Valkey's clock that this gate has evened out.", false);
}

static void fini(void *self) {
  struct gate *g = self;
  if (g) SSL_CTX_free(g->link.tls);
  free(g);
}

static int init(struct cgp_host *h, void **ret_self, char *err, size_t err_size) {
  struct gate *g = calloc(1, sizeof *g);
  const char *wrong = g ? configure(g, h) : "out of memory";
  const char *open = wrong ? NULL : secure(g, h);
  if (wrong || open) {
    snprintf(err, err_size, "%s: %s", wrong ? "url" : "ca", wrong ? wrong : open);
    fini(g);
    return -1;
  }
  register_metrics(g, h);
  *ret_self = g;
  return 0;
}

static void equip(struct worker *w, struct cgp_host *h, struct gate *g) {
  w->host = h;
  w->gate = g;
  w->asker = (struct asker){.host = h,
                            .link = w->link,
                            .pace = &g->pace,
                            .begin_shift = worker_begin_shift,
                            .arg = w,
                            .steps = g->steps};
  w->watch = (struct watch){.host = h,
                            .link = w->link,
                            .config = &g->link,
                            .prefix = g->prefix,
                            .begin_probe = worker_begin_probe,
                            .arg = w};
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err,
                 size_t err_size) {
  struct gate *g = self;
  struct worker *w = calloc(1, sizeof *w);
  if (w && (w->link = link_new(h, &g->link))) {
    equip(w, h, g);
    *ret_w = w;
    return 0;
  }
  free(w);
  snprintf(err, err_size, "out of memory");
  return -1;
}

static void stop(void *arg) {
  struct worker *w = arg;
  link_free(w->link);
  wire_free(&w->wire);
  wire_free(&w->asker.wire);
  wire_free(&w->watch.wire);
  free(w);
}

/* Calls. */

/* true: a is an integer.  Otherwise the call has failed. */
static bool integer(struct worker *w, struct cgp_call call, const struct link_answer *a,
                    uint64_t *ret) {
  if (a->code != CGP_OK)
    w->host->fail(w->host, call, a->code, "%s", a->words);
  else if (a->reply->type != REDIS_REPLY_INTEGER)
    w->host->fail(w->host, call, CGP_E_INTERNAL, "valkey answers nonsense");
  else {
    *ret = a->reply->integer < 0 ? 0 : (uint64_t)a->reply->integer;
    return true;
  }
  return false;
}

/* reserve */

static bool is_verdict(const redisReply *r) {
  if (r->type != REDIS_REPLY_ARRAY || r->elements < 1 ||
      r->element[0]->type != REDIS_REPLY_INTEGER)
    return false;
  return r->element[0]->integer >= 0 ||
         (r->elements == 4 && r->element[1]->type == REDIS_REPLY_STRING &&
          r->element[2]->type == REDIS_REPLY_STRING &&
          r->element[3]->type == REDIS_REPLY_INTEGER);
}

static struct cgp_quota_verdict verdict_of(const redisReply *r) {
  long long rung = r->element[0]->integer;
  if (rung >= 0)
    return CGP_MAKE(cgp_quota_verdict, .granted = true, .rung = (size_t)rung);
  long long in_use = r->element[3]->integer;
  return CGP_MAKE(cgp_quota_verdict, .scope = r->element[1]->str,
                  .limit = strtoull(r->element[2]->str, NULL, 10),
                  .in_use = in_use < 0 ? 0 : (uint64_t)in_use);
}

static void on_reserved(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct worker *w = arg;
  if (a->code != CGP_OK)
    w->host->fail(w->host, call, a->code, "%s", a->words);
  else if (!is_verdict(a->reply))
    w->host->fail(w->host, call, CGP_E_INTERNAL, "valkey answers nonsense");
  else {
    struct cgp_quota_verdict verdict = verdict_of(a->reply);
    w->host->done(w->host, call, &verdict);
  }
}

static void reserve(void *arg, const struct cgp_quota_reserve *req,
                    struct cgp_call call) {
  struct worker *w = arg;
  struct wire *wire =
      worker_begin(w, "camgate_reserve", 4 + req->n_ladder + 3 * req->n_scopes);
  wire_text(wire, req->lease_id);
  wire_number(wire, req->ttl_ms);
  wire_number(wire, req->n_ladder);
  for (size_t i = 0; i < req->n_ladder; i++) wire_number(wire, req->ladder_kbps[i]);
  for (size_t i = 0; i < req->n_scopes; i++) {
    const struct cgp_scope *s = CGP_AT(req->scopes, i);
    wire_text(wire, s->name);
    wire_number(wire, s->limit);
    wire_number(wire, s->weighted);
  }
  worker_ask(w, wire, on_reserved, w, call);
}

/* renew, release, usage */

static void on_renewed(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct worker *w = arg;
  uint64_t known;
  if (!integer(w, call, a, &known)) return;
  w->host->done(w->host, call, &CGP_MAKE(cgp_quota_renewed, .known = known != 0));
}

static void renew(void *arg, const struct cgp_quota_hold *hold, struct cgp_call call) {
  struct worker *w = arg;
  struct wire *wire =
      worker_begin(w, "camgate_renew", hold_arguments(hold) + hold->n_scopes + 1);
  worker_add_hold(wire, hold);
  for (size_t i = 0; i < hold->n_scopes; i++)
    wire_number(wire, CGP_AT(hold->scopes, i)->limit);
  worker_ask(w, wire, on_renewed, w, call);
}

static void on_usage(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct worker *w = arg;
  struct cgp_quota_usage usage = {.size = sizeof usage};
  if (integer(w, call, a, &usage.in_use)) w->host->done(w->host, call, &usage);
}

static void usage(void *arg, const char *scope, struct cgp_call call) {
  struct worker *w = arg;
  struct wire *wire = worker_begin(w, "camgate_usage", 2);
  wire_text(wire, scope);
  worker_ask(w, wire, on_usage, w, call);
}

static void health(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  watch_health(&w->watch, call);
}

static const struct cgp_quota_ops quota = {
    .size = sizeof quota,
    .reserve = reserve,
    .renew = renew,
    .release = bulk_release,
    .usage = usage,
    .sweep = bulk_sweep,
    .restore = bulk_restore,
};

#define TEXT(x)   #x
#define NUMBER(x) TEXT(x)
#define HIREDIS_IS                                                                       \
  NUMBER(HIREDIS_MAJOR) "." NUMBER(HIREDIS_MINOR) "." NUMBER(HIREDIS_PATCH)

/* hiredis tells its version at build time only. */
static const char *hiredis_version(void) {
  return HIREDIS_IS;
}

static const struct cgp_library libraries[] = {
    CGP_INIT(cgp_library, "hiredis", hiredis_version)};

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "quota_valkey",
    .version = CAMGATE_VERSION,
    .summary = "One quota for many gates, in a Valkey.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .init = init,
    .fini = fini,
    .start = start,
    .stop = stop,
    .health = health,
    .quota = &quota,
    .libraries = libraries,
    .n_libraries = sizeof libraries / sizeof libraries[0],
};
