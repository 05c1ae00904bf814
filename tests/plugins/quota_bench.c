#include "quota_bench.h"

#include <stdio.h>
#include <stdlib.h>

static int group(void **state, struct bench b) {
  struct bench *made = malloc(sizeof *made);
  assert_non_null(made);
  *made = b;
  *state = made;
  return 0;
}

int bench_group_local(void **state) {
  return group(state, (struct bench){.plugin = "quota_local", .options = "{}"});
}

int bench_group_valkey(void **state) {
  struct bench b = {.plugin = "quota_valkey", .valkey = valkey_start()};
  snprintf(b.options, sizeof b.options, "{\"url\": \"unix://%s\", \"timeout_ms\": 2000}",
           valkey_socket(b.valkey));
  return group(state, b);
}

int bench_group_end(void **state) {
  struct bench *b = *state;
  valkey_end(b->valkey);
  free(b);
  return 0;
}

static int set_up(struct bench *b, uint32_t workers) {
  struct cg_err err;
  if (b->valkey)
    VALKEY_SAY(b->valkey, "FLUSHALL");
  else
    b->clock = cg_clock_fake(INT64_C(1700000000000000));
  b->h = harness_try(&(struct harness_config){.plugin = b->plugin,
                                              .options = b->options,
                                              .workers = workers,
                                              .clock = b->valkey ? NULL : &b->clock},
                     &err);
  assert_non_null(b->h);
  return 0;
}

int bench_setup(void **state) {
  return set_up(*state, BENCH_WORKERS);
}

int bench_setup_one(void **state) {
  return set_up(*state, 1);
}

int bench_teardown(void **state) {
  struct bench *b = *state;
  harness_close(b->h);
  b->h = NULL;
  return 0;
}

void bench_pass(struct bench *b, uint32_t ms) {
  if (b->valkey)
    harness_run_ms(b->h, ms);
  else
    b->clock.fake_mono_us += (int64_t)ms * 1000;
}

struct harness_verdict bench_ladder(struct bench *b, const char *lease,
                                    const struct cgp_scope *scopes, size_t n,
                                    const uint32_t *kbps, size_t rungs) {
  struct cgp_quota_reserve req = {.lease_id = lease,
                                  .scopes = scopes,
                                  .n_scopes = n,
                                  .ladder_kbps = kbps,
                                  .n_ladder = rungs,
                                  .ttl_ms = BENCH_LONG_MS};
  return harness_quota_reserve(b->h, 0, &req);
}

struct harness_verdict bench_reserve(struct bench *b, const char *lease,
                                     const struct cgp_scope *scopes, size_t n,
                                     uint32_t ttl_ms) {
  const uint32_t kbps = 1000;
  struct cgp_quota_reserve req = {.lease_id = lease,
                                  .scopes = scopes,
                                  .n_scopes = n,
                                  .ladder_kbps = &kbps,
                                  .n_ladder = 1,
                                  .ttl_ms = ttl_ms};
  return harness_quota_reserve(b->h, 0, &req);
}

bool bench_renew(struct bench *b, const char *lease, const struct cgp_scope *scopes,
                 size_t n, uint32_t kbps, uint32_t ttl_ms) {
  struct cgp_quota_hold hold = {
      .lease_id = lease, .scopes = scopes, .n_scopes = n, .kbps = kbps, .ttl_ms = ttl_ms};
  return harness_quota_renew(b->h, 0, &hold);
}

void bench_release(struct bench *b, const char *lease) {
  harness_quota_release(b->h, 0, &lease, 1);
}

uint64_t bench_usage(struct bench *b, const char *scope) {
  return harness_quota_usage(b->h, 0, scope);
}
