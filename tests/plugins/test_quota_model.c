/* Random ops against a plain model of the contract, and many workers at one limit. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quota_bench.h"

#define LEASES 24
#define SCOPES 6

struct held {
  bool known;
  uint64_t weight[SCOPES]; /* 0 = not in that scope */
};

struct model {
  struct held leases[LEASES];
  bool strict[SCOPES]; /* Valkey: it was told of what it did not know */
};

static const char *const scope_names[SCOPES] = {"user:a", "user:b",   "cam:1",
                                                "cam:2",  "uplink:n", "uplink:s"};
static const uint64_t limits[SCOPES] = {3, 5, 4, 2, 9000, 4000};
static const uint32_t rungs[] = {3000, 1500, 500};

static uint64_t next(uint64_t *seed) { /* xorshift64* */
  *seed ^= *seed >> 12, *seed ^= *seed << 25, *seed ^= *seed >> 27;
  return (*seed * UINT64_C(0x2545f4914f6cdd1d)) >> 33;
}

static bool weighted(size_t scope) {
  return scope >= 4;
}

static uint64_t used(const struct model *m, size_t scope, const struct held *without) {
  uint64_t sum = 0;
  for (size_t i = 0; i < LEASES; i++)
    if (&m->leases[i] != without) sum += m->leases[i].weight[scope];
  return sum;
}

/* Picks some scopes in random order; returns how many. */
static size_t pick(uint64_t *seed, struct cgp_scope *scopes, size_t *which) {
  size_t n = 0, first = next(seed) % SCOPES, mask = next(seed);
  for (size_t i = 0; i < SCOPES; i++) {
    size_t s = (first + i) % SCOPES;
    if (!(mask >> s & 1)) continue;
    uint64_t limit = next(seed) % 8 == 0 ? limits[s] / 2 : limits[s];
    scopes[n] = (struct cgp_scope)SCOPE(scope_names[s], limit, weighted(s));
    which[n++] = s;
  }
  return n;
}

static struct held weigh(const size_t *which, size_t n, uint32_t kbps) {
  struct held h = {.known = true};
  for (size_t i = 0; i < n; i++) h.weight[which[i]] = weighted(which[i]) ? kbps : 1;
  return h;
}

static void expect_reserve(struct model *m, struct held *l,
                           const struct cgp_scope *scopes, const size_t *which, size_t n,
                           struct harness_verdict got) {
  size_t full = 0;
  for (size_t rung = 0; rung < 3; rung++) {
    struct held h = weigh(which, n, rungs[rung]);
    for (full = 0; full < n; full++)
      if (used(m, which[full], l) + h.weight[which[full]] > scopes[full].limit) break;
    if (full < n) continue;
    assert_true(got.granted);
    assert_int_equal(got.rung, rung);
    *l = h;
    return;
  }
  assert_false(got.granted);
  assert_string_equal(got.scope, scopes[full].name);
  assert_int_equal(got.limit, scopes[full].limit);
  assert_int_equal(got.in_use, used(m, which[full], l));
}

/* Where others may have got in before, who renews beyond the limit has to ask anew. */
static bool one_too_many(struct model *m, const struct held *l,
                         const struct cgp_scope *scopes, const size_t *which, size_t n) {
  for (size_t s = 0; s < SCOPES; s++)
    if (used(m, s, NULL) == 0) m->strict[s] = false;
  for (size_t i = 0; i < n; i++)
    if (l->known && m->strict[which[i]] && used(m, which[i], NULL) > scopes[i].limit)
      return true;
  return false;
}

static void one_op(struct bench *b, struct model *m, uint64_t *seed) {
  struct cgp_scope scopes[SCOPES];
  size_t which[SCOPES], n = pick(seed, scopes, which), at = next(seed) % LEASES;
  struct held *l = &m->leases[at];
  uint32_t kbps = rungs[next(seed) % 3];
  char id[16];
  snprintf(id, sizeof id, "lease-%zu", at);
  struct cgp_quota_hold hold = {.lease_id = id,
                                .scopes = scopes,
                                .n_scopes = n,
                                .kbps = kbps,
                                .ttl_ms = BENCH_LONG_MS};
  switch (next(seed) % 8) {
  case 0:
  case 1:
    bench_release(b, id);
    *l = (struct held){.known = false};
    break;
  case 2:
    if (one_too_many(m, l, scopes, which, n)) *l = (struct held){.known = false};
    assert_int_equal(bench_renew(b, id, scopes, n, kbps, BENCH_LONG_MS), l->known);
    if (l->known) *l = weigh(which, n, kbps);
    break;
  case 3:
    harness_quota_restore(b->h, 0, &hold, 1);
    if (l->known) break;
    *l = weigh(which, n, kbps);
    for (size_t i = 0; i < n; i++) m->strict[which[i]] = b->valkey;
    break;
  default:
    expect_reserve(m, l, scopes, which, n, bench_ladder(b, id, scopes, n, rungs, 3));
  }
}

static void random_ops_agree_with_a_model(void **state) {
  struct bench *b = *state;
  struct model m = {0};
  uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
  size_t ops = b->valkey ? 2000 : 30000, usage_every = b->valkey ? 17 : 1;
  for (size_t i = 0; i < ops; i++) {
    one_op(b, &m, &seed);
    size_t s = i % SCOPES;
    if (i % usage_every != 0) continue;
    assert_int_equal(bench_usage(b, scope_names[s]), used(&m, s, NULL));
  }
  for (size_t s = 0; s < SCOPES; s++)
    assert_int_equal(bench_usage(b, scope_names[s]), used(&m, s, NULL));
}

/* ---- holders ---- */

static void see_holders(void *to, const void *result) {
  const struct cgp_quota_verdict *v = result;
  size_t *seen = to; /* 0: how many; 1: a bit each, by the last letter */
  assert_false(v->granted);
  seen[0] = v->n_holders;
  for (size_t i = 0; i < v->n_holders; i++)
    seen[1] |= (size_t)1 << (v->holders[i][0] - 'a');
}

static size_t *refused(struct bench *b, const char *lease, const struct cgp_scope *s,
                       size_t seen[2]) {
  const uint32_t kbps = 1;
  struct harness_call c = {.copy = see_holders, .to = seen};
  struct cgp_quota_reserve req = {.lease_id = lease,
                                  .scopes = s,
                                  .n_scopes = 1,
                                  .ladder_kbps = &kbps,
                                  .n_ladder = 1,
                                  .ttl_ms = BENCH_LONG_MS};
  seen[0] = seen[1] = 0;
  cg_quota_reserve(harness_drivers(b->h, 0), &req, harness_answered, &c);
  assert_int_equal(harness_wait(b->h, &c), CGP_OK);
  return seen;
}

static void a_refusal_names_the_others_that_hold(void **state) {
  struct bench *b = *state;
  const struct cgp_scope both[] = {SCOPE("s", 3, false), SCOPE("t", 9, false)};
  const struct cgp_scope none = SCOPE("s", 0, false);
  size_t seen[2];
  bench_reserve(b, "a", both, 2, BENCH_LONG_MS);
  bench_reserve(b, "b", both, 1, BENCH_LONG_MS);
  bench_reserve(b, "c", both, 2, BENCH_LONG_MS);
  assert_int_equal(refused(b, "d", both, seen)[1], 1 | 2 | 4);
  assert_int_equal(refused(b, "b", &none, seen)[1], 1 | 4); /* itself apart */
  bench_release(b, "b");
  assert_true(bench_renew(b, "a", both + 1, 1, 1, BENCH_LONG_MS)); /* leaves s */
  assert_int_equal(refused(b, "d", &none, seen)[1], 4);
  assert_int_equal(seen[0], 1);
  const struct cgp_scope wide = SCOPE("s", 99, false);
  for (int i = 0; i < CGP_HOLDERS_MAX; i++) {
    char id[8];
    snprintf(id, sizeof id, "e%d", i);
    bench_reserve(b, id, &wide, 1, BENCH_LONG_MS);
  }
  assert_int_equal(refused(b, "d", &none, seen)[0], CGP_HOLDERS_MAX);
}

/* Random times to live: lapses against a model that knows the faked clock. */
static void random_lapses_agree_with_a_model(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("s", UINT64_MAX, false);
  int64_t now_ms = 0, lapses_ms[LEASES] = {0}; /* 0 = unknown */
  uint64_t seed = 7;
  for (size_t i = 0; i < 20000; i++) {
    size_t at = next(&seed) % LEASES, due = 0;
    uint32_t ttl_ms = 1 + (uint32_t)(next(&seed) % 500);
    char id[16];
    snprintf(id, sizeof id, "lease-%zu", at);
    if (next(&seed) % 2)
      bench_reserve(b, id, &s, 1, ttl_ms);
    else if (bench_renew(b, id, &s, 1, 1, ttl_ms) != (lapses_ms[at] != 0))
      fail_msg("renew knows a lease that the model does not, or the reverse");
    else if (lapses_ms[at] == 0)
      continue;
    lapses_ms[at] = now_ms + ttl_ms;
    uint32_t pass_ms = (uint32_t)(next(&seed) % 20);
    bench_pass(b, pass_ms);
    now_ms += pass_ms;
    for (size_t j = 0; j < LEASES; j++)
      if (lapses_ms[j] && lapses_ms[j] <= now_ms) due++, lapses_ms[j] = 0;
    assert_int_equal(harness_quota_sweep(b->h, 0), due);
  }
}

/* Workers on threads of their own, all at one scope: each takes, and gives back half. */

#define ROUNDS 400
#define LIMIT  50

struct hammer {
  atomic_int held, most, kept, failures;
};

struct fist {
  struct harness *h;
  struct hammer *hammer;
  uint32_t worker;
  int round;
  bool inside, answered, releasing;
  char lease[32];
};

static void swing(struct fist *f);

static void landed(struct fist *f) {
  f->answered = true;
  if (!f->inside) swing(f);
}

static void on_released(void *arg, enum cgp_code code, const void *result,
                        const char *text) {
  struct fist *f = arg;
  (void)result, (void)text;
  if (code != CGP_OK) f->hammer->failures++;
  landed(f);
}

static void on_reserved(void *arg, enum cgp_code code, const void *result,
                        const char *text) {
  struct fist *f = arg;
  const struct cgp_quota_verdict *verdict = result;
  (void)text;
  if (code != CGP_OK)
    f->hammer->failures++;
  else if (verdict->granted) {
    int held = ++f->hammer->held;
    if (held > f->hammer->most) f->hammer->most = held; /* most is only ever too low */
    f->releasing = f->round % 8 != 0;
    if (!f->releasing) f->hammer->kept++;
  }
  landed(f);
}

static void strike(struct fist *f) {
  static const struct cgp_scope s = SCOPE("s", LIMIT, false);
  static const uint32_t kbps = 1;
  if (f->releasing) {
    f->releasing = false;
    f->hammer->held--;
    const char *lease = f->lease;
    cg_quota_release(harness_drivers(f->h, f->worker), &lease, 1, on_released, f);
    return;
  }
  snprintf(f->lease, sizeof f->lease, "%u-%d", f->worker, ++f->round);
  struct cgp_quota_reserve req = {.lease_id = f->lease,
                                  .scopes = &s,
                                  .n_scopes = 1,
                                  .ladder_kbps = &kbps,
                                  .n_ladder = 1,
                                  .ttl_ms = BENCH_LONG_MS};
  cg_quota_reserve(harness_drivers(f->h, f->worker), &req, on_reserved, f);
}

/* A loop, not a recursion, for plugins that answer at once. */
static void swing(struct fist *f) {
  f->inside = true;
  do {
    if (f->round >= ROUNDS && !f->releasing) {
      harness_thread_done(f->h, f->worker);
      return;
    }
    f->answered = false;
    strike(f);
  } while (f->answered);
  f->inside = false;
}

static void on_thread(struct harness *h, uint32_t worker, void *arg) {
  struct fist *f = (struct fist *)arg + worker;
  f->h = h;
  f->worker = worker;
  swing(f);
}

static void workers_never_pass_the_limit_together(void **state) {
  struct bench *b = *state;
  struct hammer hammer = {0};
  struct fist fists[BENCH_WORKERS] = {0};
  for (size_t i = 0; i < BENCH_WORKERS; i++) fists[i].hammer = &hammer;
  harness_threads(b->h, on_thread, fists);
  assert_int_equal(hammer.failures, 0);
  assert_true(hammer.most <= LIMIT);
  assert_int_equal(hammer.held, LIMIT); /* those kept filled it */
  assert_int_equal(hammer.kept, LIMIT);
  assert_int_equal(bench_usage(b, "s"), LIMIT);
}

/* Nobody new would get in: that is no health. */
static void a_full_table_is_not_well(void **state) {
  static const char *const bounds[] = {"{\"max_leases\": 1}", "{\"max_scopes\": 1}"};
  const char *lease = "a";
  char text[200];
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct bench b = {.h = harness_open("quota_local", bounds[i])};
    const struct cgp_scope s = SCOPE("s", 9, false);
    assert_true(harness_health(b.h, 0, NULL, 0));
    assert_true(bench_reserve(&b, lease, &s, 1, BENCH_LONG_MS).granted);
    assert_false(harness_health(b.h, 0, text, sizeof text));
    assert_non_null(strstr(text, "full"));
    bench_release(&b, lease);
    assert_true(harness_health(b.h, 0, NULL, 0));
    harness_close(b.h);
  }
}

#define ON(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int main(void) {
  const struct CMUnitTest both[] = {
      cmocka_unit_test_setup_teardown(random_ops_agree_with_a_model, bench_setup_one,
                                      bench_teardown),
      ON(workers_never_pass_the_limit_together),
  };
  const struct CMUnitTest local[] = {ON(random_lapses_agree_with_a_model),
                                     ON(a_refusal_names_the_others_that_hold),
                                     cmocka_unit_test(a_full_table_is_not_well)};
  int failed = cmocka_run_group_tests_name("quota_local", both, bench_group_local,
                                           bench_group_end);
  failed += cmocka_run_group_tests_name("quota_local alone", local, bench_group_local,
                                        bench_group_end);
  return failed + cmocka_run_group_tests_name("quota_valkey", both, bench_group_valkey,
                                              bench_group_end);
}
