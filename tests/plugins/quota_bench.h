/* quota_bench.h - one quota plugin under test, whichever it is.
 *
 * The same tests run on each; what differs (options, whose clock counts) stands here.
 */
#ifndef TESTS_PLUGINS_QUOTA_BENCH_H
#define TESTS_PLUGINS_QUOTA_BENCH_H

#include "harness.h"
#include "valkey.h"

#define BENCH_WORKERS 3

/* In braces: a struct cgp_scope. */
#define SCOPE(n, l, w) CGP_INIT(cgp_scope, .weighted = w, .name = n, .limit = l)

struct bench {
  const char *plugin;
  char options[256];
  struct valkey *valkey; /* NULL: the plugin keeps its own clock, which is faked */
  struct cg_clock clock;
  struct harness *h;
};

/* cmocka fixtures: *state is a struct bench * made by bench_group_... */
int bench_group_local(void **state);
int bench_group_valkey(void **state);
int bench_group_end(void **state);
int bench_setup(void **state);     /* a fresh plugin with nothing held */
int bench_setup_one(void **state); /* the same with one worker: less to turn */
int bench_teardown(void **state);

/* Time passes for the store.  A real one is waited for: keep it short. */
void bench_pass(struct bench *b, uint32_t ms);

struct harness_verdict bench_reserve(struct bench *b, const char *lease,
                                     const struct cgp_scope *scopes, size_t n,
                                     uint32_t ttl_ms);
/* The same down a ladder of one rung or more, best first. */
struct harness_verdict bench_ladder(struct bench *b, const char *lease,
                                    const struct cgp_scope *scopes, size_t n,
                                    const uint32_t *kbps, size_t rungs);
bool bench_renew(struct bench *b, const char *lease, const struct cgp_scope *scopes,
                 size_t n, uint32_t kbps, uint32_t ttl_ms);
void bench_release(struct bench *b, const char *lease);
uint64_t bench_usage(struct bench *b, const char *scope);

#define BENCH_LONG_MS 3600000

#endif
