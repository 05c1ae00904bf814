/* The quota contract (plugins/camgate_plugin.h), the same for all such plugins. */
#include <stdio.h>
#include <string.h>

#include "quota_bench.h"

static const uint32_t three_rungs[] = {3000, 1500, 500};

static void assert_refused(struct harness_verdict v, const char *scope, uint64_t limit,
                           uint64_t in_use) {
  assert_false(v.granted);
  assert_string_equal(v.scope, scope);
  assert_int_equal(v.limit, limit);
  assert_int_equal(v.in_use, in_use);
}

static void assert_rung(struct harness_verdict v, size_t rung) {
  assert_true(v.granted);
  assert_int_equal(v.rung, rung);
}

static void ladder_takes_the_first_rung_that_fits(void **state) {
  struct bench *b = *state;
  const struct cgp_scope uplink = SCOPE("uplink:north", 5000, true);
  assert_rung(bench_ladder(b, "a", &uplink, 1, three_rungs, 3), 0);
  assert_rung(bench_ladder(b, "b", &uplink, 1, three_rungs, 3), 1);
  assert_rung(bench_ladder(b, "c", &uplink, 1, three_rungs, 3), 2);
  assert_refused(bench_ladder(b, "d", &uplink, 1, three_rungs, 3), "uplink:north", 5000,
                 5000);
  assert_int_equal(bench_usage(b, "uplink:north"), 5000);
}

static void each_scope_counts_in_its_own_unit(void **state) {
  struct bench *b = *state;
  const struct cgp_scope scopes[] = {SCOPE("user:alice", 2, false),
                                     SCOPE("uplink", 9000, true)};
  assert_rung(bench_ladder(b, "a", scopes, 2, three_rungs, 3), 0);
  assert_rung(bench_ladder(b, "b", scopes, 2, three_rungs, 3), 0);
  assert_int_equal(bench_usage(b, "user:alice"), 2);
  assert_int_equal(bench_usage(b, "uplink"), 6000);
  assert_refused(bench_ladder(b, "c", scopes, 2, three_rungs, 3), "user:alice", 2, 2);
}

static void a_refusal_takes_nothing_anywhere(void **state) {
  struct bench *b = *state;
  const struct cgp_scope full = SCOPE("full", 1, false);
  const struct cgp_scope both[] = {SCOPE("free", 5, false), full,
                                   SCOPE("also full", 0, false)};
  bench_reserve(b, "a", &full, 1, BENCH_LONG_MS);
  assert_refused(bench_reserve(b, "b", both, 3, BENCH_LONG_MS), "full", 1, 1);
  assert_int_equal(bench_usage(b, "free"), 0);
  assert_int_equal(bench_usage(b, "full"), 1);
  assert_false(bench_renew(b, "b", both, 1, 1, BENCH_LONG_MS));
}

static void the_scope_named_is_full_at_the_lowest_rung(void **state) {
  struct bench *b = *state;
  const struct cgp_scope scopes[] = {SCOPE("wide", 1000, true),
                                     SCOPE("narrow", 0, false)};
  assert_refused(bench_ladder(b, "a", scopes, 2, three_rungs, 3), "narrow", 0, 0);
}

static void a_holder_asks_anew_without_standing_in_its_own_way(void **state) {
  struct bench *b = *state;
  const struct cgp_scope uplink = SCOPE("uplink", 3000, true);
  const struct cgp_scope moved = SCOPE("other", 1, false);
  assert_rung(bench_ladder(b, "a", &uplink, 1, three_rungs, 3), 0);
  assert_rung(bench_ladder(b, "a", &uplink, 1, three_rungs, 3), 0);
  assert_int_equal(bench_usage(b, "uplink"), 3000);
  assert_rung(bench_ladder(b, "a", &uplink, 1, three_rungs + 1, 2), 0);
  assert_int_equal(bench_usage(b, "uplink"), 1500);
  assert_rung(bench_ladder(b, "a", &moved, 1, three_rungs, 3), 0);
  assert_int_equal(bench_usage(b, "uplink"), 0);
  assert_int_equal(bench_usage(b, "other"), 1);
}

static void a_holder_refused_keeps_what_it_has(void **state) {
  struct bench *b = *state;
  const struct cgp_scope mine = SCOPE("mine", 1, false), full = SCOPE("full", 1, false);
  const struct cgp_scope both[] = {SCOPE("mine", 1, false), SCOPE("full", 1, false)};
  const struct cgp_scope less = SCOPE("mine", 0, false);
  bench_reserve(b, "a", &mine, 1, BENCH_LONG_MS);
  bench_reserve(b, "b", &full, 1, BENCH_LONG_MS);
  assert_refused(bench_reserve(b, "a", both, 2, BENCH_LONG_MS), "full", 1, 1);
  assert_refused(bench_reserve(b, "a", &less, 1, BENCH_LONG_MS), "mine", 0, 0);
  assert_int_equal(bench_usage(b, "mine"), 1);
  assert_int_equal(bench_usage(b, "full"), 1);
  assert_true(bench_renew(b, "a", &mine, 1, 1000, BENCH_LONG_MS));
}

static void renew_never_refuses_a_holder(void **state) {
  struct bench *b = *state;
  const struct cgp_scope first = SCOPE("s", 1, false);
  const struct cgp_scope now[] = {SCOPE("s", 0, false), SCOPE("t", 1, true)};
  bench_reserve(b, "a", &first, 1, BENCH_LONG_MS);
  assert_true(bench_renew(b, "a", now, 2, 700, BENCH_LONG_MS));
  assert_int_equal(bench_usage(b, "s"), 1);
  assert_int_equal(bench_usage(b, "t"), 700);
  assert_true(bench_renew(b, "a", now, 2, 300, BENCH_LONG_MS));
  assert_int_equal(bench_usage(b, "t"), 300);
  assert_true(bench_renew(b, "a", now, 0, 300, BENCH_LONG_MS));
  assert_int_equal(bench_usage(b, "s") + bench_usage(b, "t"), 0);
}

static void renew_of_an_unknown_lease_takes_nothing(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("s", 1, false);
  assert_false(bench_renew(b, "nobody", &s, 1, 1, BENCH_LONG_MS));
  assert_int_equal(bench_usage(b, "s"), 0);
}

static void release_may_come_twice_or_for_nobody(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("s", 2, false);
  bench_reserve(b, "a", &s, 1, BENCH_LONG_MS);
  bench_reserve(b, "b", &s, 1, BENCH_LONG_MS);
  bench_release(b, "a");
  bench_release(b, "a");
  bench_release(b, "nobody");
  assert_int_equal(bench_usage(b, "s"), 1);
  assert_rung(bench_reserve(b, "c", &s, 1, BENCH_LONG_MS), 0);
}

/* More than one batch of either driver, with one in it that nobody knows. */
static void many_are_released_in_one_call(void **state) {
  enum { MANY = 300 };
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("s", 2 * MANY, false);
  char names[MANY][16];
  const char *ids[MANY];
  for (int i = 0; i < MANY; i++) {
    snprintf(names[i], sizeof names[i], "lease-%d", i);
    ids[i] = names[i];
    if (i != 7) bench_reserve(b, ids[i], &s, 1, BENCH_LONG_MS);
  }
  bench_reserve(b, "stays", &s, 1, BENCH_LONG_MS);
  assert_int_equal(bench_usage(b, "s"), MANY);
  harness_quota_release(b->h, 0, ids, MANY);
  assert_int_equal(bench_usage(b, "s"), 1);
}

static void what_nobody_renews_lapses_once(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("s", 9, false);
  bench_reserve(b, "short", &s, 1, 20);
  bench_reserve(b, "renewed", &s, 1, 20);
  bench_reserve(b, "long", &s, 1, BENCH_LONG_MS);
  assert_true(bench_renew(b, "renewed", &s, 1, 1, BENCH_LONG_MS));
  bench_pass(b, 30);
  assert_int_equal(bench_usage(b, "s"), 3);
  assert_int_equal(harness_quota_sweep(b->h, 1), 1);
  assert_int_equal(harness_quota_sweep(b->h, 0), 0);
  assert_int_equal(bench_usage(b, "s"), 2);
  assert_false(bench_renew(b, "short", &s, 1, 1, BENCH_LONG_MS));
  bench_release(b, "short");
  assert_int_equal(bench_usage(b, "s"), 2);
}

static void restore_takes_what_is_unknown_whatever_the_limit(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("s", 1, false), known = SCOPE("k", 1, true);
  struct cgp_quota_hold holds[] = {
      {.lease_id = "k", .scopes = &s, .n_scopes = 1, .kbps = 5, .ttl_ms = BENCH_LONG_MS},
      {.lease_id = "a", .scopes = &s, .n_scopes = 1, .kbps = 5, .ttl_ms = BENCH_LONG_MS},
      {.lease_id = "b", .scopes = &s, .n_scopes = 1, .kbps = 5, .ttl_ms = BENCH_LONG_MS},
  };
  bench_ladder(b, "k", &known, 1, (const uint32_t[]){1}, 1);
  harness_quota_restore(b->h, 0, holds, 3);
  harness_quota_restore(b->h, 1, holds, 3);
  harness_quota_restore(b->h, 1, holds, 0);
  assert_int_equal(bench_usage(b, "s"), 2);
  assert_int_equal(bench_usage(b, "k"), 1);
  assert_refused(bench_reserve(b, "c", &s, 1, BENCH_LONG_MS), "s", 1, 2);
  assert_true(bench_renew(b, "k", &known, 1, 1, BENCH_LONG_MS));
}

/* Where many gates share it, others may have got in before what was lost came back: the
 * first that renews is one too many, the other stays. */
static void what_was_restored_beyond_a_limit_holds_for_one_beat(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("s", 1, false);
  struct cgp_quota_hold lost = {
      .lease_id = "a", .scopes = &s, .n_scopes = 1, .ttl_ms = BENCH_LONG_MS};
  bench_reserve(b, "b", &s, 1, BENCH_LONG_MS);
  harness_quota_restore(b->h, 0, &lost, 1);
  assert_int_equal(bench_usage(b, "s"), 2);
  bool alone = !b->valkey;
  assert_int_equal(bench_renew(b, "a", &s, 1, 1, BENCH_LONG_MS), alone);
  if (!alone) assert_refused(bench_reserve(b, "a", &s, 1, BENCH_LONG_MS), "s", 1, 1);
  assert_true(bench_renew(b, "b", &s, 1, 1, BENCH_LONG_MS));
  assert_int_equal(bench_usage(b, "s"), alone ? 2 : 1);
}

static void restore_gives_who_is_known_the_whole_time_again(void **state) {
  struct bench *b = *state;
  const struct cgp_scope s = SCOPE("s", 5, false);
  struct cgp_quota_hold hold = {
      .lease_id = "a", .scopes = &s, .n_scopes = 1, .kbps = 5, .ttl_ms = BENCH_LONG_MS};
  assert_true(bench_reserve(b, "a", &s, 1, 20).granted);
  harness_quota_restore(b->h, 0, &hold, 1);
  bench_pass(b, 30);
  assert_int_equal(harness_quota_sweep(b->h, 0), 0);
  hold.ttl_ms = 20; /* nor less than it had */
  harness_quota_restore(b->h, 0, &hold, 1);
  bench_pass(b, 30);
  assert_int_equal(harness_quota_sweep(b->h, 0), 0);
  assert_int_equal(bench_usage(b, "s"), 1);
}

#define CROWD 700 /* several batches of any store */

static void a_crowd_is_restored_and_lapses_whole(void **state) {
  struct bench *b = *state;
  static const struct cgp_scope s = SCOPE("s", 1, true);
  char ids[CROWD][16];
  struct cgp_quota_hold holds[CROWD];
  for (size_t i = 0; i < CROWD; i++) {
    snprintf(ids[i], sizeof ids[i], "lease-%zu", i);
    holds[i] = (struct cgp_quota_hold){
        .lease_id = ids[i], .scopes = &s, .n_scopes = 1, .kbps = 10, .ttl_ms = 20};
  }
  holds[0].ttl_ms = BENCH_LONG_MS;
  harness_quota_restore(b->h, 0, holds, CROWD);
  assert_int_equal(bench_usage(b, "s"), 10 * CROWD);
  bench_pass(b, 30);
  assert_int_equal(harness_quota_sweep(b->h, 0), CROWD - 1);
  assert_int_equal(bench_usage(b, "s"), 10);
}

static void names_and_limits_of_any_size_are_kept(void **state) {
  struct bench *b = *state;
  char longest[CGP_SCOPE_MAX + 1], longest_id[CGP_LEASE_ID_MAX + 1], ids[32][16];
  struct cgp_scope scopes[32];
  memset(longest, 'x', CGP_SCOPE_MAX);
  longest[CGP_SCOPE_MAX] = '\0';
  memset(longest_id, 'x', CGP_LEASE_ID_MAX);
  longest_id[CGP_LEASE_ID_MAX] = '\0';
  for (size_t i = 0; i < 32; i++) {
    snprintf(ids[i], sizeof ids[i], "scope-%zu", i);
    scopes[i] = (struct cgp_scope)SCOPE(ids[i], UINT64_MAX, true);
  }
  scopes[0].name = longest;
  scopes[1].name = "a b\r\n\"'%{}\xc3\xa9";
  assert_rung(bench_ladder(b, longest_id, scopes, 32, (const uint32_t[]){UINT32_MAX}, 1),
              0);
  assert_int_equal(bench_usage(b, longest), UINT32_MAX);
  assert_int_equal(bench_usage(b, scopes[1].name), UINT32_MAX);
  scopes[1].limit = 0;
  assert_refused(bench_reserve(b, "b", scopes, 32, BENCH_LONG_MS), scopes[1].name, 0,
                 UINT32_MAX);
}

static void a_lease_without_scopes_is_known(void **state) {
  struct bench *b = *state;
  assert_rung(bench_reserve(b, "a", NULL, 0, BENCH_LONG_MS), 0);
  assert_true(bench_renew(b, "a", NULL, 0, 1, BENCH_LONG_MS));
}

static enum cgp_code reserve_code(struct bench *b, struct cgp_quota_reserve req) {
  struct harness_call c = {0};
  cg_quota_reserve(harness_drivers(b->h, 0), &req, harness_answered, &c);
  return harness_wait(b->h, &c);
}

static void what_can_never_work_is_invalid(void **state) {
  struct bench *b = *state;
  struct cgp_scope many[33];
  char ids[33][16];
  for (size_t i = 0; i < 33; i++) {
    snprintf(ids[i], sizeof ids[i], "scope-%zu", i);
    many[i] = (struct cgp_scope)SCOPE(ids[i], 1, false);
  }
  const struct cgp_scope twice[] = {SCOPE("s", 1, false), SCOPE("s", 1, false)},
                         nameless = SCOPE("", 1, 0);
  const struct cgp_quota_reserve good = {
      .lease_id = "a", .ladder_kbps = three_rungs, .n_ladder = 3, .ttl_ms = 1000};
  struct cgp_quota_reserve bad[] = {good, good, good, good, good, good};
  bad[0].n_ladder = 0;
  bad[1].scopes = many, bad[1].n_scopes = 33;
  bad[2].scopes = twice, bad[2].n_scopes = 2;
  bad[3].ttl_ms = 0;
  bad[4].lease_id = "";
  bad[5].scopes = &nameless, bad[5].n_scopes = 1;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(reserve_code(b, bad[i]), CGP_E_INVALID);
  assert_int_equal(reserve_code(b, good), CGP_OK);
  assert_int_equal(bench_usage(b, "s") + bench_usage(b, "scope-0"), 0);
}

static void it_says_that_it_is_well(void **state) {
  struct bench *b = *state;
  assert_true(harness_health(b->h, 0, NULL, 0));
}

#define CONTRACT(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CONTRACT(ladder_takes_the_first_rung_that_fits),
      CONTRACT(each_scope_counts_in_its_own_unit),
      CONTRACT(a_refusal_takes_nothing_anywhere),
      CONTRACT(the_scope_named_is_full_at_the_lowest_rung),
      CONTRACT(a_holder_asks_anew_without_standing_in_its_own_way),
      CONTRACT(a_holder_refused_keeps_what_it_has),
      CONTRACT(renew_never_refuses_a_holder),
      CONTRACT(renew_of_an_unknown_lease_takes_nothing),
      CONTRACT(release_may_come_twice_or_for_nobody),
      CONTRACT(many_are_released_in_one_call),
      CONTRACT(what_nobody_renews_lapses_once),
      CONTRACT(restore_takes_what_is_unknown_whatever_the_limit),
      CONTRACT(what_was_restored_beyond_a_limit_holds_for_one_beat),
      CONTRACT(restore_gives_who_is_known_the_whole_time_again),
      CONTRACT(a_crowd_is_restored_and_lapses_whole),
      CONTRACT(names_and_limits_of_any_size_are_kept),
      CONTRACT(a_lease_without_scopes_is_known),
      CONTRACT(what_can_never_work_is_invalid),
      CONTRACT(it_says_that_it_is_well),
  };
  int failed = cmocka_run_group_tests_name("quota_local", tests, bench_group_local,
                                           bench_group_end);
  return failed + cmocka_run_group_tests_name("quota_valkey", tests, bench_group_valkey,
                                              bench_group_end);
}
