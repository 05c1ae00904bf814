/* quota_valkey - one quota for many gates, kept in a Valkey.
 *
 * Each op is one call of the function library camgate_quota.lua (sweep, restore and
 * release: one for each batch), which does the atomic step; see there for the keys.
 * link.h keeps the connection, one for each worker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "camgate_plugin.h"
#include "link.h"

#define SWEEP_BATCH 256
#define BATCH       128 /* leases of one restore or release */

enum key { USAGE, LEASES, EXPIRY, KEYS };

struct gate {
  struct link_config link;
  char keys[KEYS][96];
};

struct worker {
  struct cgp_host *host;
  const struct gate *gate;
  struct link *link;
  struct wire wire;
};

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, .name = "url", .type = CGP_OPT_SECRET, .min = 1,
             .help = "redis://[user:pass@]host:port/db or unix:///path?db=n."),
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
             .help = "Only ask questions: the library is never loaded."),
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
  for (size_t i = 0; i < KEYS; i++)
    snprintf(g->keys[i], sizeof g->keys[i], "%s%s", h->conf_string(h, "prefix"),
             names[i]);
  g->link.timeout_ms = (uint32_t)h->conf_int(h, "timeout_ms");
  g->link.max_pending = (uint32_t)h->conf_int(h, "max_pending");
  g->link.load_functions = h->conf_bool(h, "load_functions");
  g->link.read_only = h->conf_bool(h, "read_only");
  return NULL;
}

static int init(struct cgp_host *h, void **ret_self, char *err, size_t err_size) {
  struct gate *g = calloc(1, sizeof *g);
  const char *wrong = g ? configure(g, h) : "out of memory";
  if (wrong) {
    snprintf(err, err_size, "url: %s", wrong);
    free(g);
    return -1;
  }
  *ret_self = g;
  return 0;
}

static void fini(void *self) {
  free(self);
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err,
                 size_t err_size) {
  struct gate *g = self;
  struct worker *w = calloc(1, sizeof *w);
  if (w) {
    *w = (struct worker){.host = h, .gate = g, .link = link_new(h, &g->link)};
    *ret_w = w;
    if (w->link) return 0;
  }
  free(w);
  snprintf(err, err_size, "out of memory");
  return -1;
}

static void stop(void *arg) {
  struct worker *w = arg;
  link_free(w->link);
  wire_free(&w->wire);
  free(w);
}

/* Calls. */

static struct wire *begin(struct worker *w, const char *function, size_t arguments) {
  wire_begin(&w->wire, 3 + KEYS + arguments);
  wire_text(&w->wire, "FCALL");
  wire_text(&w->wire, function);
  wire_number(&w->wire, KEYS);
  for (size_t i = 0; i < KEYS; i++) wire_text(&w->wire, w->gate->keys[i]);
  return &w->wire;
}

static void add_hold(struct wire *wire, const struct cgp_quota_hold *hold) {
  wire_text(wire, hold->lease_id);
  wire_number(wire, hold->ttl_ms);
  wire_number(wire, hold->n_scopes);
  for (size_t i = 0; i < hold->n_scopes; i++) {
    const struct cgp_scope *s = CGP_AT(hold->scopes, i);
    wire_text(wire, s->name);
    wire_number(wire, s->weighted ? hold->kbps : 1);
  }
}

static size_t hold_arguments(const struct cgp_quota_hold *hold) {
  return 3 + 2 * hold->n_scopes;
}

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
  struct wire *wire = begin(w, "camgate_reserve", 3 + req->n_ladder + 3 * req->n_scopes);
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
  link_send(w->link, wire, on_reserved, w, call);
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
  struct wire *wire = begin(w, "camgate_renew", hold_arguments(hold));
  add_hold(wire, hold);
  link_send(w->link, wire, on_renewed, w, call);
}

static void on_usage(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct worker *w = arg;
  struct cgp_quota_usage usage = {.size = sizeof usage};
  if (integer(w, call, a, &usage.in_use)) w->host->done(w->host, call, &usage);
}

static void usage(void *arg, const char *scope, struct cgp_call call) {
  struct worker *w = arg;
  struct wire *wire = begin(w, "camgate_usage", 1);
  wire_text(wire, scope);
  link_send(w->link, wire, on_usage, w, call);
}

/* sweep: batch by batch until one is not full */

struct sweeping {
  struct worker *w;
  struct cgp_quota_swept swept;
};

static void sweep_batch(struct sweeping *s, struct cgp_call call);

static void on_swept(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct sweeping *s = arg;
  uint64_t lapsed;
  if (!integer(s->w, call, a, &lapsed)) return;
  s->swept.lapsed += lapsed;
  if (lapsed < SWEEP_BATCH)
    s->w->host->done(s->w->host, call, &s->swept);
  else
    sweep_batch(s, call);
}

static void sweep_batch(struct sweeping *s, struct cgp_call call) {
  struct wire *wire = begin(s->w, "camgate_sweep", 1);
  wire_number(wire, SWEEP_BATCH);
  link_send(s->w->link, wire, on_swept, s, call);
}

static void sweep(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  struct sweeping *s = w->host->call_alloc(w->host, call, sizeof *s);
  if (!s) {
    w->host->fail(w->host, call, CGP_E_BUSY, "out of memory");
    return;
  }
  *s = (struct sweeping){.w = w, .swept.size = sizeof s->swept};
  sweep_batch(s, call);
}

/* restore and release: all batches at once; the first failure is told behind the last. */

struct batches {
  struct worker *w;
  size_t left;
  enum cgp_code code;
  char words[160];
};

static void on_batch(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct batches *b = arg;
  if (a->code != CGP_OK && b->code == CGP_OK) {
    b->code = a->code;
    snprintf(b->words, sizeof b->words, "%s", a->words);
  }
  if (--b->left > 0) return;
  if (b->code == CGP_OK)
    b->w->host->done(b->w->host, call, NULL);
  else
    b->w->host->fail(b->w->host, call, b->code, "%s", b->words);
}

/* For n leases; NULL: the call is over already. */
static struct batches *begin_batches(struct worker *w, size_t n, struct cgp_call call) {
  if (n == 0) {
    w->host->done(w->host, call, NULL);
    return NULL;
  }
  struct batches *b = w->host->call_alloc(w->host, call, sizeof *b);
  if (b)
    *b = (struct batches){.w = w, .left = (n + BATCH - 1) / BATCH};
  else
    w->host->fail(w->host, call, CGP_E_BUSY, "out of memory");
  return b;
}

static size_t batch_size(size_t left) {
  return left < BATCH ? left : BATCH;
}

static void restore_batch(struct batches *b, const struct cgp_quota_hold *holds, size_t n,
                          struct cgp_call call) {
  size_t arguments = 0;
  for (size_t i = 0; i < n; i++) arguments += hold_arguments(CGP_AT(holds, i));
  struct wire *wire = begin(b->w, "camgate_restore", arguments);
  for (size_t i = 0; i < n; i++) add_hold(wire, CGP_AT(holds, i));
  link_send(b->w->link, wire, on_batch, b, call);
}

static void restore(void *arg, const struct cgp_quota_hold *holds, size_t n,
                    struct cgp_call call) {
  struct batches *b = begin_batches(arg, n, call);
  for (size_t i = 0; b && i < n; i += BATCH)
    restore_batch(b, CGP_AT(holds, i), batch_size(n - i), call);
}

static void release_batch(struct batches *b, const char *const *lease_ids, size_t n,
                          struct cgp_call call) {
  struct wire *wire = begin(b->w, "camgate_release", n);
  for (size_t i = 0; i < n; i++) wire_text(wire, lease_ids[i]);
  link_send(b->w->link, wire, on_batch, b, call);
}

static void release(void *arg, const char *const *lease_ids, size_t n,
                    struct cgp_call call) {
  struct batches *b = begin_batches(arg, n, call);
  for (size_t i = 0; b && i < n; i += BATCH)
    release_batch(b, lease_ids + i, batch_size(n - i), call);
}

/* health: asks, so that a frozen server is not taken for a good one */

static void on_version(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct worker *w = arg;
  char text[540];
  bool ok = a->code == CGP_OK;
  if (ok)
    snprintf(text, sizeof text, "valkey %s answers", w->gate->link.url.shown);
  else
    snprintf(text, sizeof text, "%s", a->words);
  const char *server = link_server(w->link), *version = link_version(w->link);
  w->host->done(w->host, call,
                &CGP_MAKE(cgp_health, .ok = ok, .text = text,
                          .server = *server ? server : NULL,
                          .server_version = *version ? version : NULL));
}

static void health(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  wire_begin(&w->wire, 3);
  wire_text(&w->wire, "FCALL_RO");
  wire_text(&w->wire, "camgate_version");
  wire_number(&w->wire, 0);
  link_send(w->link, &w->wire, on_version, w, call);
}

static const struct cgp_quota_ops quota = {
    .size = sizeof quota,
    .reserve = reserve,
    .renew = renew,
    .release = release,
    .usage = usage,
    .sweep = sweep,
    .restore = restore,
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
