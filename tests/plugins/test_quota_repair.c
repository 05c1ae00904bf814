/* quota_valkey's three keys under vandalism: whatever is lost, comes back right. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quota_bench.h"

#define SAY(b, ...) VALKEY_SAY((b)->valkey, __VA_ARGS__)
#define USAGE       "camgate:usage"
#define LEASES      "camgate:leases"
#define EXPIRY      "camgate:expiry"

#define CROWD  120
#define USERS  40 /* three leases each */
#define TTL_MS 60000

#define CONFIRM_MS 250 /* a refusal then waits for a recount */

struct member {
  char id[16], user[16];
  struct cgp_scope scopes[2];
};

static struct member member(size_t i) {
  struct member m;
  snprintf(m.id, sizeof m.id, "lease-%zu", i);
  snprintf(m.user, sizeof m.user, "user:%zu", i % USERS);
  return m;
}

static const struct cgp_scope *scopes_of(struct member *m, size_t crowd) {
  m->scopes[0] = (struct cgp_scope)SCOPE(m->user, crowd / USERS, false);
  m->scopes[1] = (struct cgp_scope)SCOPE("all", crowd, false);
  return m->scopes;
}

static bool reserve(struct bench *b, size_t i, size_t crowd) {
  struct member m = member(i);
  return bench_reserve(b, m.id, scopes_of(&m, crowd), 2, TTL_MS).granted;
}

/* As a gate does it: what the quota does not know is asked for anew. */
static void beat(struct bench *b, size_t i, size_t crowd) {
  struct member m = member(i);
  if (!bench_renew(b, m.id, scopes_of(&m, crowd), 2, 1, TTL_MS))
    assert_true(reserve(b, i, crowd));
}

static void fill(struct bench *b, size_t n) {
  for (size_t i = 0; i < n; i++) assert_true(reserve(b, i, CROWD));
}

static bool is_right(struct bench *b, size_t crowd) {
  if (bench_usage(b, "all") != crowd) return false;
  for (size_t i = 0; i < USERS; i++)
    if (bench_usage(b, member(i).user) != crowd / USERS) return false;
  return true;
}

/* Sweeps as the gate does, and looks; bounded by the harness's patience. */
static void await_right(struct bench *b, size_t crowd) {
  for (int ms = 0; ms < HARNESS_PATIENCE_MS; ms += 50) {
    harness_quota_sweep(b->h, 0);
    if (is_right(b, crowd)) return;
    harness_run_ms(b->h, 50);
  }
  fail_msg("usage %d is not what is held, %zu", (int)bench_usage(b, "all"), crowd);
}

static void assert_says(struct bench *b, const char *words, const char *const *argv) {
  assert_string_equal(valkey_say(b->valkey, argv), words);
}
#define SAYS(b, words, ...)                                                              \
  assert_says(b, words, (const char *const[]){__VA_ARGS__, NULL})

/* And when all are gone nothing is left but the two fields of nobody's. */
static void assert_ends_clean(struct bench *b, size_t crowd) {
  for (size_t i = 0; i < crowd; i++) bench_release(b, member(i).id);
  await_right(b, 0);
  SAYS(b, ":1", "HLEN", LEASES);
  SAYS(b, ":1", "HLEN", USAGE);
}

/* ---- one key or more are gone ---- */

static const char odd_book[] = "redis.call('HSET', KEYS[1], '', cmsgpack.pack({pass = "
                               "'1', phase = 'x', shift = 1e18,"
                               " cursor = '0'}))";

static const struct {
  const char *what, *argv[5];
} losses[] = {
    {"the counters are deleted", {"DEL", USAGE}},
    {"the holdings are deleted", {"DEL", LEASES}},
    {"the expiry is deleted", {"DEL", EXPIRY}},
    {"counters and holdings", {"DEL", USAGE, LEASES}},
    {"counters and expiry", {"DEL", USAGE, EXPIRY}},
    {"holdings and expiry", {"DEL", LEASES, EXPIRY}},
    {"everything", {"FLUSHALL"}},
    {"the database", {"FLUSHDB", "SYNC"}},
    {"the counters are a string", {"SET", USAGE, "x"}},
    {"the holdings are a string", {"SET", LEASES, "x"}},
    {"the expiry is a string", {"SET", EXPIRY, "x"}},
    {"the book is nonsense", {"HSET", LEASES, "", "x"}},
    {"the book is gone", {"HDEL", LEASES, ""}},
    {"the book is another's", {"EVAL", odd_book, "1", LEASES}},
    {"the pass is another", {"HSET", USAGE, "", "7"}},
    {"the server loaded its file again", {"DEBUG", "RELOAD"}},
};

static void whichever_key_is_lost_usage_is_what_is_held_after_a_beat(void **state) {
  struct bench *b = *state;
  fill(b, CROWD);
  harness_quota_sweep(b->h, 0);
  for (size_t n = 0; n < sizeof losses / sizeof losses[0]; n++) {
    print_message("           %s\n", losses[n].what);
    valkey_say(b->valkey, losses[n].argv);
    for (size_t i = 0; i < CROWD; i++) beat(b, i, CROWD);
    assert_true(is_right(b, CROWD));
    assert_false(reserve(b, CROWD, CROWD));
  }
  await_right(b, CROWD);
  assert_ends_clean(b, CROWD);
}

static void without_its_counter_a_user_of_limit_one_gets_no_second_stream(void **state) {
  static const char *const lost[][3] = {
      {"DEL", USAGE}, {"SET", USAGE, "x"}, {"HDEL", USAGE, ""}};
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("user:a", 1, false);
  assert_true(bench_reserve(b, "a", &s, 1, TTL_MS).granted);
  for (size_t i = 0; i < 3; i++) {
    SAY(b, lost[i][0], lost[i][1], lost[i][2]);
    assert_false(bench_reserve(b, "b", &s, 1, TTL_MS).granted);
  }
  bench_release(b, "a");
  assert_int_equal(bench_usage(b, "user:a"), 0);
  assert_true(bench_reserve(b, "b", &s, 1, TTL_MS).granted);
}

/* ---- an older state of one key comes back ---- */

static void whichever_key_comes_back_from_an_older_copy_it_is_put_right(void **state) {
  static const char *const keys[] = {USAGE, LEASES, EXPIRY};
  struct bench *b = *state;
  for (size_t n = 0; n < 3; n++) {
    print_message("           %s\n", keys[n]);
    fill(b, CROWD / 2 + 1);
    SAY(b, "COPY", keys[n], "old", "REPLACE");
    fill(b, CROWD);
    SAY(b, "RENAME", "old", keys[n]);
    harness_run_ms(b->h, CONFIRM_MS);
    for (size_t i = 0; i < CROWD; i++) beat(b, i, CROWD);
    await_right(b, CROWD);
    for (size_t i = 0; i < CROWD; i++) bench_release(b, member(i).id);
  }
  assert_ends_clean(b, CROWD);
}

/* ---- single fields ---- */

/* 409 with no lease alive, without a sweep. */
static void nobody_is_refused_by_a_counter_that_is_too_high(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("user:a", 1, false);
  bench_usage(b, "user:a");
  SAY(b, "HSET", USAGE, "user:a", "1");
  harness_run_ms(b->h, CONFIRM_MS);
  assert_true(bench_reserve(b, "a", &s, 1, TTL_MS).granted);
  assert_false(bench_reserve(b, "b", &s, 1, TTL_MS).granted);
}

/* They would hold for ever, hold everything, or end the recount. */
static const char absurd_holdings[] =
    "for i, h in ipairs({{1e15, 1e15, '', 'user:7', 1}, {0 / 0, 1, '', 'user:7', 1},"
    " {1e12, 1e4, '', 'user:7', 1e300}, {1e12, 1e4, '', 'user:7', -1},"
    " {1e12, 1e4, '', 7, 7}, {1e12, 1e4, '', 'user:7'}}) do"
    " redis.call('HSET', KEYS[1], 'ghost-' .. i, cmsgpack.pack(h)) end";

static void fields_that_are_wrong_are_put_right_and_counted(void **state) {
  struct bench *b = *state;
  fill(b, CROWD);
  await_right(b, CROWD);
  int64_t before = harness_metric(b->h, "quota_valkey_repaired_total", "");
  SAY(b, "HDEL", USAGE, "user:1");
  SAY(b, "HSET", USAGE, "user:2", "9007199254740991");
  SAY(b, "HSET", USAGE, "user:3", "1");
  SAY(b, "HSET", USAGE, "user:ghost", "5");
  SAY(b, "HSET", LEASES, "lease-ghost", "\xc1nonsense");
  SAY(b, "EVAL", absurd_holdings, "1", LEASES);
  SAY(b, "HDEL", LEASES, "lease-4");
  SAY(b, "ZREM", EXPIRY, "lease-5");
  SAY(b, "ZADD", EXPIRY, "1", "lease-ghost-2");
  SAY(b, "ZADD", EXPIRY, "9999999999999", "lease-6");
  harness_run_ms(b->h, CONFIRM_MS);
  beat(b, 4, CROWD);
  await_right(b, CROWD);
  assert_int_equal(bench_usage(b, "user:ghost"), 0);
  SAYS(b, ":1", "HEXISTS", LEASES, "lease-5");
  SAYS(b, ":0", "HEXISTS", LEASES, "lease-ghost");
  SAYS(b, "$-1", "ZSCORE", EXPIRY, "lease-ghost-2");
  SAYS(b, "$13", "ZSCORE", EXPIRY, "lease-5");
  assert_true(harness_metric(b->h, "quota_valkey_repaired_total", "") >= before + 6);
  assert_non_null(strstr(harness_logged(b->h), "recounted"));
  assert_ends_clean(b, CROWD);
}

static void a_counter_that_is_no_number_lets_nobody_in(void **state) {
  static const char *const odd[] = {"-5", "nan", "-inf", "x", "", "1e999", "1 2"};
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("user:a", 1, false);
  assert_true(bench_reserve(b, "a", &s, 1, TTL_MS).granted);
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
    SAY(b, "HSET", USAGE, "user:a", odd[i]);
    assert_int_equal(bench_usage(b, "user:a"), 1);
    SAY(b, "HSET", USAGE, "user:a", odd[i]);
    assert_false(bench_reserve(b, "b", &s, 1, TTL_MS).granted);
  }
}

/* Too low, it let one too many in: the first of them that beats is asked anew, and is
 * refused. */
static void a_limit_that_was_passed_holds_again_after_a_beat(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("user:a", 1, false);
  assert_true(bench_reserve(b, "a", &s, 1, TTL_MS).granted);
  harness_quota_sweep(b->h, 0);
  SAY(b, "HDEL", USAGE, "user:a");
  assert_true(bench_reserve(b, "b", &s, 1, TTL_MS).granted);
  for (int ms = 0; bench_usage(b, "user:a") != 2; ms += 50) {
    assert_true(ms < HARNESS_PATIENCE_MS);
    harness_run_ms(b->h, 50);
    harness_quota_sweep(b->h, 0);
  }
  assert_false(bench_renew(b, "a", &s, 1, 1, TTL_MS));
  assert_false(bench_reserve(b, "a", &s, 1, TTL_MS).granted);
  assert_true(bench_renew(b, "b", &s, 1, 1, TTL_MS));
  assert_int_equal(bench_usage(b, "user:a"), 1);
}

/* Without its expiry it would hold for ever. */
static void a_holding_without_expiry_lapses(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("s", 9, false);
  assert_true(bench_reserve(b, "dead", &s, 1, 300).granted);
  SAY(b, "DEL", EXPIRY);
  for (int ms = 0; bench_usage(b, "s") != 0; ms += 50) {
    assert_true(ms < HARNESS_PATIENCE_MS);
    harness_quota_sweep(b->h, 0);
    harness_run_ms(b->h, 50);
  }
}

/* ---- many ---- */

#define MANY 2000 /* four calls count them */

static uint64_t next(uint64_t *seed) { /* xorshift64* */
  *seed ^= *seed >> 12, *seed ^= *seed << 25, *seed ^= *seed >> 27;
  return (*seed * UINT64_C(0x2545f4914f6cdd1d)) >> 33;
}

static void restore_many(struct bench *b) {
  static struct member members[MANY];
  static struct cgp_quota_hold holds[MANY];
  for (size_t i = 0; i < MANY; i++) {
    members[i] = member(i);
    holds[i] = (struct cgp_quota_hold){.lease_id = members[i].id,
                                       .scopes = scopes_of(&members[i], MANY),
                                       .n_scopes = 2,
                                       .kbps = 1,
                                       .ttl_ms = TTL_MS};
  }
  harness_quota_restore(b->h, 0, holds, MANY);
}

static void many_are_recounted_before_the_next_grant(void **state) {
  struct bench *b = *state;
  restore_many(b);
  SAY(b, "DEL", USAGE);
  assert_false(reserve(b, MANY, MANY));
  assert_true(is_right(b, MANY));
}

/* An older gate's sweep is one call: it takes a pass over many some part of its way. */
static void sweep_a_part(struct bench *b) {
  SAYS(b, ":0", "FCALL", "camgate_sweep", "3", USAGE, LEASES, EXPIRY, "256");
}

static void what_goes_on_beside_a_recount_is_counted_once(void **state) {
  struct bench *b = *state;
  uint64_t seed = 99;
  bool held[MANY];
  size_t n = MANY;
  restore_many(b);
  await_right(b, MANY);
  for (size_t i = 0; i < MANY; i++) held[i] = true;
  for (size_t i = 0; i < 1500; i++) {
    size_t at = next(&seed) % MANY;
    struct member m = member(at);
    if (next(&seed) % 3 == 0)
      beat(b, at, MANY), n += !held[at], held[at] = true;
    else if (held[at])
      bench_release(b, m.id), held[at] = false, n--;
    else
      assert_true(reserve(b, at, MANY)), held[at] = true, n++;
    if (i % 50 == 0) SAY(b, "HSET", USAGE, "", i % 100 ? "1" : "2");
    if (i % 10 == 0) sweep_a_part(b);
    if (i % 64 == 0) assert_int_equal(bench_usage(b, "all"), n);
  }
  harness_quota_sweep(b->h, 0);
  assert_int_equal(bench_usage(b, "all"), n);
}

/* ---- gates of two versions ---- */

static void load_1001(struct bench *b) {
  static char text[16384];
  FILE *f = fopen(SOURCE_DIR "/tests/plugins/quota_1001.lua", "r");
  assert_non_null(f);
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  SAYS(b, "$13", "FUNCTION", "LOAD", "REPLACE", text);
}

#define OLD(b, answer, function, ...)                                                    \
  SAYS(b, answer, "FCALL", function, "3", USAGE, LEASES, EXPIRY, __VA_ARGS__)

/* What an older gate took is counted on; its calls go on beside the new library. */
static void a_rolling_upgrade_keeps_what_is_held(void **state) {
  struct bench *b = *state;
  harness_close(b->h);
  load_1001(b);
  OLD(b, "*1", "camgate_reserve", "old-1", "60000", "1", "9", "s", "2", "0");
  OLD(b, ":0", "camgate_renew", "old-3", "60000", "1", "s", "1");
  b->h = harness_open(b->plugin, b->options);
  const struct cgp_scope s = SCOPE("s", 2, false);
  assert_true(bench_reserve(b, "new-1", &s, 1, TTL_MS).granted);
  assert_false(bench_reserve(b, "new-2", &s, 1, TTL_MS).granted);
  OLD(b, "*4", "camgate_reserve", "old-2", "60000", "1", "9", "s", "2", "0");
  OLD(b, ":1", "camgate_renew", "old-1", "60000", "1", "s", "1");
  OLD(b, ":2", "camgate_usage", "s");
  OLD(b, ":1", "camgate_restore", "old-4", "60000", "1", "s", "1");
  OLD(b, ":0", "camgate_sweep", "256");
  OLD(b, ":2", "camgate_release", "old-1", "old-4");
  assert_int_equal(bench_usage(b, "s"), 1);
  OLD(b, ":1", "camgate_restore", "old-5", "60000", "1", "s", "1");
  SAYS(b, ":1002", "FCALL_RO", "camgate_version", "0");
}

/* What nobody renews since lapses when version 1001 said. */
static void what_an_older_gate_left_behind_lapses_in_its_time(void **state) {
  struct bench *b = *state;
  harness_close(b->h);
  load_1001(b);
  OLD(b, "*1", "camgate_reserve", "old-1", "300", "1", "9", "s", "2", "0");
  OLD(b, "*1", "camgate_reserve", "old-2", "60000", "1", "9", "s", "2", "0");
  b->h = harness_open(b->plugin, b->options);
  assert_int_equal(bench_usage(b, "s"), 2);
  for (int ms = 0; bench_usage(b, "s") != 1; ms += 50) {
    assert_true(ms < HARNESS_PATIENCE_MS);
    harness_quota_sweep(b->h, 0);
    harness_run_ms(b->h, 50);
  }
}

#define ON(f) cmocka_unit_test_setup_teardown(f, bench_setup_one, bench_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON(whichever_key_is_lost_usage_is_what_is_held_after_a_beat),
      ON(without_its_counter_a_user_of_limit_one_gets_no_second_stream),
      ON(whichever_key_comes_back_from_an_older_copy_it_is_put_right),
      ON(nobody_is_refused_by_a_counter_that_is_too_high),
      ON(fields_that_are_wrong_are_put_right_and_counted),
      ON(a_counter_that_is_no_number_lets_nobody_in),
      ON(a_limit_that_was_passed_holds_again_after_a_beat),
      ON(a_holding_without_expiry_lapses),
      ON(many_are_recounted_before_the_next_grant),
      ON(what_goes_on_beside_a_recount_is_counted_once),
      ON(a_rolling_upgrade_keeps_what_is_held),
      ON(what_an_older_gate_left_behind_lapses_in_its_time),
  };
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL); /* as the gate */
  return cmocka_run_group_tests_name("quota_valkey repaired", tests, bench_group_valkey,
                                     bench_group_end);
}
