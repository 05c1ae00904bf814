/* quota_local - quota in memory, for a gate that stands alone.
 *
 * Every op is one step on a table that all workers share (table.h) and completes inside
 * the op.  What is held is gone when the process ends: the gate restores it from its
 * trail.
 */
#include <stdio.h>
#include <stdlib.h>

#include "camgate_plugin.h"
#include "table.h"

struct worker {
  struct cgp_host *host;
  struct table *table;
};

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, .name = "max_leases", .type = CGP_OPT_INT, .min = 1,
             .max = 10000000, .def = "100000",
             .help = "Leases held at the same time; beyond it the answer is busy."),
    CGP_INIT(cgp_option, .name = "max_scopes", .type = CGP_OPT_INT, .min = 1,
             .max = 20000000, .def = "200000",
             .help = "Scopes held at the same time; beyond it the answer is busy."),
};

static int init(struct cgp_host *h, void **ret_self, char *err, size_t err_size) {
  struct table *t = table_new((size_t)h->conf_int(h, "max_leases"),
                              (size_t)h->conf_int(h, "max_scopes"));
  if (!t) {
    snprintf(err, err_size, "no memory for the quota table");
    return -1;
  }
  *ret_self = t;
  return 0;
}

static void fini(void *self) {
  table_free(self);
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err,
                 size_t err_size) {
  struct worker *w = malloc(sizeof *w);
  if (!w) {
    snprintf(err, err_size, "out of memory");
    return -1;
  }
  *w = (struct worker){.host = h, .table = self};
  *ret_w = w;
  return 0;
}

static void stop(void *w) {
  free(w);
}

static void finish(struct worker *w, struct cgp_call call, enum cgp_code code,
                   const void *result) {
  if (code == CGP_OK)
    w->host->done(w->host, call, result);
  else
    w->host->fail(w->host, call, code,
                  "the quota table is full (max_leases, max_scopes)");
}

static void reserve(void *arg, const struct cgp_quota_reserve *req,
                    struct cgp_call call) {
  struct worker *w = arg;
  struct table_verdict verdict;
  enum cgp_code code = table_reserve(w->table, req, w->host->mono_us(w->host), &verdict);
  finish(w, call, code, &verdict.abi);
}

static void renew(void *arg, const struct cgp_quota_hold *hold, struct cgp_call call) {
  struct worker *w = arg;
  bool known;
  enum cgp_code code = table_renew(w->table, hold, w->host->mono_us(w->host), &known);
  finish(w, call, code, &CGP_MAKE(cgp_quota_renewed, known));
}

static void release(void *arg, const char *const *lease_ids, size_t n,
                    struct cgp_call call) {
  struct worker *w = arg;
  table_release(w->table, lease_ids, n);
  w->host->done(w->host, call, NULL);
}

static void usage(void *arg, const char *scope, struct cgp_call call) {
  struct worker *w = arg;
  struct cgp_quota_usage usage = {.size = sizeof usage,
                                  .in_use = table_usage(w->table, scope)};
  w->host->done(w->host, call, &usage);
}

static void sweep(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  int64_t now_us = w->host->mono_us(w->host);
  struct cgp_quota_swept swept = {.size = sizeof swept,
                                  .lapsed = table_sweep(w->table, now_us)};
  w->host->done(w->host, call, &swept);
}

static void restore(void *arg, const struct cgp_quota_hold *holds, size_t n,
                    struct cgp_call call) {
  struct worker *w = arg;
  int64_t now_us = w->host->mono_us(w->host);
  enum cgp_code code = CGP_OK;
  for (size_t i = 0; i < n && code == CGP_OK; i++)
    code = table_restore(w->table, CGP_AT(holds, i), now_us);
  finish(w, call, code, NULL);
}

static void health(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  char text[128];
  struct table_counts counts = table_count(w->table);
  snprintf(text, sizeof text, "%zu leases hold %zu scopes in memory%s", counts.leases,
           counts.scopes, counts.full ? ": full (max_leases, max_scopes)" : "");
  struct cgp_health result = {.size = sizeof result, .ok = !counts.full, .text = text};
  w->host->done(w->host, call, &result);
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

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "quota_local",
    .version = CAMGATE_VERSION,
    .summary = "Quota in memory, for one gate.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .init = init,
    .fini = fini,
    .start = start,
    .stop = stop,
    .health = health,
    .quota = &quota,
};
