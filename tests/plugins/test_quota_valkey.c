/* quota_valkey when Valkey is away, frozen, strange, or shared by two gates. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quota_bench.h"

struct rig {
  struct valkey *valkey;
  char options[512];
};

static const char *options(struct rig *r, const char *more) {
  snprintf(r->options, sizeof r->options,
           "{\"url\": \"unix://%s\", \"timeout_ms\": 500%s}", valkey_socket(r->valkey),
           more);
  return r->options;
}

static int setup(void **state) {
  struct rig *r = calloc(1, sizeof *r);
  r->valkey = valkey_start();
  *state = r;
  return 0;
}

static int teardown(void **state) {
  struct rig *r = *state;
  valkey_end(r->valkey);
  free(r);
  return 0;
}

static void ask(struct harness *h, const char *lease, uint64_t limit,
                struct harness_call *c) {
  const struct cgp_scope s = SCOPE("s", limit, false);
  const uint32_t kbps = 1;
  struct cgp_quota_reserve req = {.lease_id = lease,
                                  .scopes = &s,
                                  .n_scopes = 1,
                                  .ladder_kbps = &kbps,
                                  .n_ladder = 1,
                                  .ttl_ms = 60000};
  cg_quota_reserve(harness_drivers(h, 0), &req, harness_answered, c);
}

static enum cgp_code reserve(struct harness *h, const char *lease) {
  struct harness_call c = {0};
  ask(h, lease, 9, &c);
  return harness_wait(h, &c);
}

static void assert_unwell(struct harness *h, const char *words) {
  char text[400];
  assert_false(harness_health(h, 0, text, sizeof text));
  if (!strstr(text, words)) fail_msg("\"%s\" does not say \"%s\"", text, words);
}

/* Until it is well again, bounded by the harness's patience. */
static void await_well(struct harness *h) {
  for (int ms = 0; ms < HARNESS_PATIENCE_MS; ms += 10) {
    if (harness_health(h, 0, NULL, 0)) return;
    harness_run_ms(h, 10);
  }
  fail_msg("it does not recover");
}

static void killed_and_restarted(void **state) {
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_int_equal(reserve(h, "a"), CGP_OK);
  valkey_kill(r->valkey);
  assert_int_equal(reserve(h, "b"), CGP_E_UNAVAILABLE);
  assert_unwell(h, "valkey /tmp/");
  valkey_again(r->valkey);
  await_well(h);
  assert_int_equal(harness_quota_usage(h, 0, "s"), 0);
  const struct cgp_scope s = SCOPE("s", 9, false);
  harness_quota_restore(
      h, 0,
      &(struct cgp_quota_hold){
          .lease_id = "a", .scopes = &s, .n_scopes = 1, .kbps = 1, .ttl_ms = 60000},
      1);
  assert_int_equal(harness_quota_usage(h, 0, "s"), 1);
  harness_close(h);
}

static void away_fails_at_once(void **state) {
  struct rig *r = *state;
  valkey_kill(r->valkey);
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_int_equal(reserve(h, "a"), CGP_E_UNAVAILABLE);
  struct harness_call c = {0};
  ask(h, "a", 9, &c);
  assert_true(c.done); /* without a turn of the loop */
  assert_int_equal(c.code, CGP_E_UNAVAILABLE);
  assert_non_null(strstr(c.text, "Connection refused"));
  valkey_again(r->valkey);
  await_well(h);
  assert_int_equal(reserve(h, "a"), CGP_OK);
  harness_close(h);
}

static void frozen_is_given_up_after_the_timeout(void **state) {
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ", \"max_pending\": 2"));
  struct harness_call first = {0}, second = {0}, third = {0};
  assert_int_equal(reserve(h, "a"), CGP_OK);
  valkey_freeze(r->valkey);
  ask(h, "b", 9, &first);
  ask(h, "c", 9, &second);
  ask(h, "d", 9, &third);
  assert_int_equal(harness_wait(h, &third), CGP_E_BUSY);
  assert_int_equal(harness_wait(h, &first), CGP_E_TIMEOUT);
  assert_int_equal(harness_wait(h, &second), CGP_E_TIMEOUT);
  assert_unwell(h, "in time");
  valkey_thaw(r->valkey);
  await_well(h);
  assert_int_equal(reserve(h, "a"), CGP_OK);
  assert_int_equal(first.times + second.times + third.times, 3);
  harness_close(h);
}

static void stopping_answers_what_is_open(void **state) {
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  struct harness_call sent = {0};
  assert_int_equal(reserve(h, "a"), CGP_OK);
  valkey_freeze(r->valkey);
  ask(h, "b", 9, &sent);
  harness_close(h);
  assert_int_equal(sent.times, 1);
  h = harness_open("quota_valkey", options(r, ""));
  struct harness_call held = {0};
  ask(h, "c", 9, &held);
  harness_close(h);
  assert_int_equal(held.times, 1);
}

static void passwords(void **state) {
  struct rig *r = *state;
  char tcp[256];
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "requirepass", "s3cret/word");
  struct harness *h =
      harness_open("quota_valkey", options(r, ", \"password\": \"wrong-one\""));
  char text[400];
  assert_int_equal(reserve(h, "a"), CGP_E_UNAVAILABLE);
  assert_unwell(h, "WRONGPASS");
  harness_health(h, 0, text, sizeof text);
  assert_null(strstr(text, "wrong-one"));
  harness_close(h);
  h = harness_open("quota_valkey", options(r, ""));
  assert_unwell(h, "NOAUTH");
  harness_close(h);
  snprintf(tcp, sizeof tcp,
           "{\"url\": \"redis://default:s3cret%%2Fword@127.0.0.1:%u/3\"}",
           valkey_port(r->valkey));
  h = harness_open("quota_valkey", tcp);
  assert_int_equal(reserve(h, "a"), CGP_OK);
  harness_close(h);
}

static void a_name_is_resolved(void **state) {
  struct rig *r = *state;
  char tcp[128];
  snprintf(tcp, sizeof tcp, "{\"url\": \"valkey://localhost:%u\"}",
           valkey_port(r->valkey));
  struct harness *h = harness_open("quota_valkey", tcp);
  await_well(h);
  assert_int_equal(reserve(h, "a"), CGP_OK);
  harness_close(h);
}

static void put_version(struct rig *r, const char *version) {
  char code[256];
  snprintf(code, sizeof code,
           "#!lua name=camgate_quota\nredis.register_function{function_name="
           "'camgate_version',callback=function() return %s end,flags={'no-writes'}}",
           version);
  assert_string_equal(VALKEY_SAY(r->valkey, "FUNCTION", "LOAD", "REPLACE", code), "$13");
}

static void versions_of_the_function_library(void **state) {
  struct rig *r = *state;
  put_version(r, "2000");
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_int_equal(reserve(h, "a"), CGP_E_UNAVAILABLE);
  assert_unwell(h, "version 2000");
  put_version(r, "999"); /* older: replaced */
  await_well(h);
  assert_int_equal(reserve(h, "a"), CGP_OK);
  VALKEY_SAY(r->valkey, "FUNCTION", "FLUSH");
  assert_int_equal(reserve(h, "b"), CGP_E_UNAVAILABLE);
  await_well(h);
  assert_int_equal(reserve(h, "b"), CGP_OK);
  assert_int_equal(harness_quota_usage(h, 0, "s"), 2);
  harness_close(h);
}

static void loading_may_be_left_to_the_administrator(void **state) {
  struct rig *r = *state;
  struct harness *h =
      harness_open("quota_valkey", options(r, ", \"load_functions\": false"));
  assert_int_equal(reserve(h, "a"), CGP_E_UNAVAILABLE);
  assert_unwell(h, "load_functions is off");
  harness_close(h);
}

/* The user that the README proposes. */
static void a_user_that_may_call_functions_only(void **state) {
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  await_well(h);
  harness_close(h);
  assert_string_equal(VALKEY_SAY(r->valkey, "ACL", "SETUSER", "gate", "on", ">pw",
                                 "~camgate:*", "-@all", "+fcall", "+fcall_ro", "+hmget",
                                 "+hset", "+hdel", "+hscan", "+zadd", "+zrem", "+zrange",
                                 "+unlink", "+time", "+info"),
                      "+OK");
  h = harness_open("quota_valkey",
                   options(r, ", \"user\": \"gate\", \"password\": \"pw\""));
  await_well(h);
  assert_int_equal(reserve(h, "a"), CGP_OK);
  const struct cgp_scope s = SCOPE("s", 9, false);
  struct cgp_quota_hold hold = {
      .lease_id = "a", .scopes = &s, .n_scopes = 1, .ttl_ms = 60000};
  harness_quota_restore(h, 0, &hold, 1);
  assert_true(harness_quota_renew(h, 0, &hold));
  assert_int_equal(harness_quota_sweep(h, 0), 0);
  harness_quota_release(h, 0, (const char *[]){"a"}, 1);
  assert_int_equal(harness_quota_usage(h, 0, "s"), 0);
  harness_close(h);
}

/* As check asks, without a write. */
static void a_right_that_is_missing_is_told_to_who_only_asks(void **state) {
  static const char *const rights[] = {"-fcall", "-time", "-hmget",  "-hset", "-hdel",
                                       "-zadd",  "-zrem", "-zrange", "-hscan"};
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  await_well(h);
  harness_close(h);
  options(r, ", \"user\": \"gate\", \"password\": \"pw\", \"read_only\": true");
  for (size_t i = 0; i <= sizeof rights / sizeof rights[0]; i++) {
    const bool all = i == sizeof rights / sizeof rights[0];
    VALKEY_SAY(r->valkey, "ACL", "SETUSER", "gate", "on", ">pw", "~camgate:*", "+@all",
               all ? "+@all" : rights[i]);
    h = harness_open("quota_valkey", r->options);
    if (all)
      await_well(h);
    else
      assert_unwell(h, "the user lacks a right");
    harness_close(h);
  }
}

static void a_right_that_is_taken_while_running_is_told(void **state) {
  struct rig *r = *state;
  VALKEY_SAY(r->valkey, "ACL", "SETUSER", "gate", "on", ">pw", "~camgate:*", "+@all");
  struct harness *h = harness_open(
      "quota_valkey", options(r, ", \"user\": \"gate\", \"password\": \"pw\""));
  await_well(h);
  VALKEY_SAY(r->valkey, "ACL", "SETUSER", "gate", "-hset");
  assert_int_equal(reserve(h, "a"), CGP_E_UNAVAILABLE);
  assert_unwell(h, "the user lacks a right");
  harness_close(h);
}

static void no_room_for_a_connection_is_told(void **state) {
  struct rig *r = *state;
  struct harness *first = harness_open("quota_valkey", options(r, ""));
  await_well(first);
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "maxclients", "1");
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_unwell(h, "max number of clients reached");
  harness_close(h);
  harness_close(first);
}

static void out_of_memory_what_is_held_can_still_end(void **state) {
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  const struct cgp_scope s = SCOPE("s", 9, false);
  assert_int_equal(reserve(h, "a"), CGP_OK);
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "maxmemory", "1");
  assert_int_equal(reserve(h, "b"), CGP_E_UNAVAILABLE);
  assert_true(harness_quota_renew(
      h, 0,
      &(struct cgp_quota_hold){
          .lease_id = "a", .scopes = &s, .n_scopes = 1, .ttl_ms = 60000}));
  assert_int_equal(harness_quota_sweep(h, 0), 0);
  harness_quota_release(h, 0, (const char *[]){"a"}, 1);
  assert_int_equal(harness_quota_usage(h, 0, "s"), 0);
  harness_close(h);
}

#define RUSH 40

static void two_gates_share_one_limit(void **state) {
  struct rig *r = *state;
  struct harness *gates[2];
  struct harness_call calls[2][RUSH] = {0};
  struct cgp_quota_verdict verdicts[2][RUSH];
  size_t granted = 0;
  for (size_t g = 0; g < 2; g++) gates[g] = harness_open("quota_valkey", options(r, ""));
  for (size_t i = 0; i < RUSH; i++)
    for (size_t g = 0; g < 2; g++) {
      char lease[32];
      snprintf(lease, sizeof lease, "%zu-%zu", g, i);
      calls[g][i].to = &verdicts[g][i];
      calls[g][i].to_size = sizeof verdicts[g][i];
      ask(gates[g], lease, 7, &calls[g][i]);
    }
  for (size_t i = 0; i < RUSH; i++)
    for (size_t g = 0; g < 2; g++) {
      assert_int_equal(harness_wait(gates[g], &calls[g][i]), CGP_OK);
      granted += verdicts[g][i].granted;
    }
  assert_int_equal(granted, 7);
  assert_int_equal(harness_quota_usage(gates[0], 0, "s"), 7);
  for (size_t g = 0; g < 2; g++) harness_close(gates[g]);
}

static void urls_that_are_refused(void **state) {
  static const char *const urls[] = {
      "http://h",          "rediss://",          "redis://",         "redis://h:0",
      "redis://h:65536",   "redis://h:1/x",      "redis://h?x=1",    "redis://[::1",
      "redis://u:%zz@h:1", "redis://u:%0@h:1",   "unix://relative",  "unix:///p?x=1",
      "redis://h:1x",      "redis://u:%00a@h:1", "redis://[::1]x:1", "redis://:p@:1",
  };
  (void)state;
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    char text[128];
    struct cg_err err;
    snprintf(text, sizeof text, "{\"url\": \"%s\"}", urls[i]);
    struct harness *h = harness_try(
        &(struct harness_config){.plugin = "quota_valkey", .options = text}, &err);
    if (h) fail_msg("%s is accepted", urls[i]);
  }
}

#define FAULT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      FAULT(killed_and_restarted),
      FAULT(away_fails_at_once),
      FAULT(frozen_is_given_up_after_the_timeout),
      FAULT(stopping_answers_what_is_open),
      FAULT(passwords),
      FAULT(a_name_is_resolved),
      FAULT(versions_of_the_function_library),
      FAULT(loading_may_be_left_to_the_administrator),
      FAULT(a_user_that_may_call_functions_only),
      FAULT(a_right_that_is_missing_is_told_to_who_only_asks),
      FAULT(a_right_that_is_taken_while_running_is_told),
      FAULT(no_room_for_a_connection_is_told),
      FAULT(out_of_memory_what_is_held_can_still_end),
      FAULT(two_gates_share_one_limit),
      cmocka_unit_test(urls_that_are_refused),
  };
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL); /* as the gate */
  return cmocka_run_group_tests_name("quota_valkey faults", tests, NULL, NULL);
}
