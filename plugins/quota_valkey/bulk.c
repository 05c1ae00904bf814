/* The ops over many leases, in batches: sweep, restore and release. */
#include <stdio.h>

#include "worker.h"

#define SWEEP_BATCH 256
#define SWEEP_CALLS 32
#define BATCH       128 /* leases of one restore or release */

/* sweep: call by call until there is no more to do, within bounds */

struct sweeping {
  struct worker *w;
  struct cgp_quota_swept swept;
  int64_t sent_us;
  uint32_t calls;
};

enum { LAPSED, MORE, REPAIRED, TIME, SWEPT };

static void sweep_some(struct sweeping *s, struct cgp_call call);

static bool is_swept(const redisReply *r) {
  if (r->type != REDIS_REPLY_ARRAY || r->elements != SWEPT) return false;
  for (size_t i = 0; i < SWEPT; i++)
    if (r->element[i]->type != REDIS_REPLY_INTEGER) return false;
  return r->element[LAPSED]->integer >= 0 && r->element[REPAIRED]->integer >= 0;
}

static void tell_repaired(struct worker *w, int64_t n) {
  if (n == 0) return;
  w->host->metric_add(w->host, w->gate->repaired, n);
  w->host->log(w->host, CGP_WARN,
               "valkey %s: recounted; %lld counters and holdings were not as they should",
               w->gate->link.url.shown, (long long)n);
}

static void on_swept(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct sweeping *s = arg;
  struct worker *w = s->w;
  if (a->code != CGP_OK) {
    w->host->fail(w->host, call, a->code, "%s", a->words);
    return;
  }
  if (!is_swept(a->reply)) {
    w->host->fail(w->host, call, CGP_E_INTERNAL, "valkey answers nonsense");
    return;
  }
  redisReply *const *said = a->reply->element;
  s->swept.lapsed += (uint64_t)said[LAPSED]->integer;
  tell_repaired(w, said[REPAIRED]->integer);
  ask_learn(&w->asker, said[TIME]->integer, s->sent_us);
  if (said[MORE]->integer != 0 && ++s->calls < SWEEP_CALLS)
    sweep_some(s, call);
  else
    w->host->done(w->host, call, &s->swept);
}

static void sweep_some(struct sweeping *s, struct cgp_call call) {
  struct wire *wire = worker_begin(s->w, "camgate_sweep", 2);
  wire_number(wire, SWEEP_BATCH);
  s->sent_us = s->w->host->mono_us(s->w->host);
  worker_ask(s->w, wire, on_swept, s, call);
}

void bulk_sweep(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  struct sweeping *s = w->host->call_alloc(w->host, call, sizeof *s);
  if (!s) {
    w->host->fail(w->host, call, CGP_E_BUSY, "out of memory");
    return;
  }
  *s = (struct sweeping){.w = w, .swept.size = sizeof s->swept};
  watch_now_and_then(&w->watch);
  sweep_some(s, call);
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
  struct wire *wire = worker_begin(b->w, "camgate_restore", arguments + 1);
  for (size_t i = 0; i < n; i++) worker_add_hold(wire, CGP_AT(holds, i));
  worker_ask(b->w, wire, on_batch, b, call);
}

void bulk_restore(void *arg, const struct cgp_quota_hold *holds, size_t n,
                  struct cgp_call call) {
  struct batches *b = begin_batches(arg, n, call);
  for (size_t i = 0; b && i < n; i += BATCH)
    restore_batch(b, CGP_AT(holds, i), batch_size(n - i), call);
}

static void release_batch(struct batches *b, const char *const *lease_ids, size_t n,
                          struct cgp_call call) {
  struct wire *wire = worker_begin(b->w, "camgate_release", n);
  for (size_t i = 0; i < n; i++) wire_text(wire, lease_ids[i]);
  link_send(b->w->link, wire, on_batch, b, call);
}

void bulk_release(void *arg, const char *const *lease_ids, size_t n,
                  struct cgp_call call) {
  struct batches *b = begin_batches(arg, n, call);
  for (size_t i = 0; b && i < n; i += BATCH)
    release_batch(b, lease_ids + i, batch_size(n - i), call);
}
