/* quota_valkey says in words when Valkey would take no place, at a start and later. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ports.h"
#include "quota_bench.h"

struct rig {
  struct valkey *valkey;
  char options[512];
};

static const char *options(struct rig *r, const char *more) {
  snprintf(r->options, sizeof r->options,
           "{\"url\": \"unix://%s\", \"timeout_ms\": 2000%s}", valkey_socket(r->valkey),
           more);
  return r->options;
}

static int setup_with(void **state, const char *const *more) {
  struct rig *r = calloc(1, sizeof *r);
  r->valkey = valkey_start_with(more);
  *state = r;
  return 0;
}

static int setup(void **state) {
  return setup_with(state, NULL);
}

static int setup_cluster(void **state) {
  static const char *const more[] = {"--cluster-enabled", "yes", "--cluster-port", "0",
                                     NULL};
  static char port[8];
  static const char *with[5];
  memcpy(with, more, sizeof more);
  snprintf(port, sizeof port, "%u", ports_take());
  with[3] = port;
  return setup_with(state, with);
}

static int teardown(void **state) {
  struct rig *r = *state;
  valkey_end(r->valkey);
  free(r);
  return 0;
}

/* code of a reserve; its words have to hold these. */
static enum cgp_code reserve(struct harness *h, const char *lease, const char *words) {
  const struct cgp_scope s = SCOPE("s", 9, false);
  const uint32_t kbps = 1;
  struct cgp_quota_reserve req = {.lease_id = lease,
                                  .scopes = &s,
                                  .n_scopes = 1,
                                  .ladder_kbps = &kbps,
                                  .n_ladder = 1,
                                  .ttl_ms = 60000};
  struct harness_call c = {0};
  cg_quota_reserve(harness_drivers(h, 0), &req, harness_answered, &c);
  enum cgp_code code = harness_wait(h, &c);
  if (words && !strstr(c.text, words))
    fail_msg("\"%s\" does not say \"%s\"", c.text, words);
  return code;
}

static void assert_health(struct harness *h, bool well, const char *words) {
  char text[700];
  if (harness_health(h, 0, text, sizeof text) != well || !strstr(text, words))
    fail_msg("%s health \"%s\" does not say \"%s\"", well ? "bad" : "good", text, words);
}

static void await_health(struct harness *h, bool well) {
  for (int ms = 0; harness_health(h, 0, NULL, 0) != well; ms += 10) {
    if (ms >= HARNESS_PATIENCE_MS) fail_msg("health does not become %d", well);
    harness_run_ms(h, 10);
  }
}

/* A gate that runs, one that starts now, and one that only checks, all say so; it is well
 * again afterwards. */
static void assert_all_say(struct rig *r, struct harness *runs, const char *words,
                           const char *const *cure) {
  await_health(runs, false);
  assert_int_equal(reserve(runs, "b", words), CGP_E_UNAVAILABLE);
  assert_health(runs, false, words);
  struct harness *fresh = harness_open("quota_valkey", options(r, ""));
  assert_health(fresh, false, words);
  assert_int_equal(reserve(fresh, "c", words), CGP_E_UNAVAILABLE);
  harness_close(fresh);
  fresh = harness_open("quota_valkey", options(r, ", \"read_only\": true"));
  assert_health(fresh, false, words);
  harness_close(fresh);
  valkey_say(r->valkey, cure);
  await_health(runs, true);
  assert_int_equal(reserve(runs, "b", NULL), CGP_OK);
}
#define ASSERT_ALL_SAY(r, runs, words, ...)                                              \
  assert_all_say(r, runs, words, (const char *const[]){__VA_ARGS__, NULL})

static void a_read_only_replica(void **state) {
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_int_equal(reserve(h, "a", NULL), CGP_OK);
  VALKEY_SAY(r->valkey, "REPLICAOF", "127.0.0.1", "1");
  ASSERT_ALL_SAY(r, h, "it is a replica", "REPLICAOF", "NO", "ONE");
  harness_close(h);
}

static void one_at_maxmemory(void **state) {
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_int_equal(reserve(h, "a", NULL), CGP_OK);
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "maxmemory", "1");
  ASSERT_ALL_SAY(r, h, "it is at maxmemory", "CONFIG", "SET", "maxmemory", "0");
  harness_close(h);
}

static void one_that_cannot_save(void **state) {
  struct rig *r = *state;
  char path[96];
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_int_equal(reserve(h, "a", NULL), CGP_OK);
  snprintf(path, sizeof path, "%s/dump.rdb", valkey_dir(r->valkey));
  assert_int_equal(mkdir(path, 0700), 0);
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "save", "3600 1000000");
  VALKEY_SAY(r->valkey, "BGSAVE");
  ASSERT_ALL_SAY(r, h, "its last save failed", "CONFIG", "SET",
                 "stop-writes-on-bgsave-error", "no");
  assert_health(h, true, "its last save failed");
  harness_close(h);
  rmdir(path);
}

static void one_without_its_replicas(void **state) {
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_int_equal(reserve(h, "a", NULL), CGP_OK);
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "min-replicas-to-write", "1");
  ASSERT_ALL_SAY(r, h, "too few replicas", "CONFIG", "SET", "min-replicas-to-write", "0");
  harness_close(h);
}

/* It works; it may not for long. */
static void one_that_may_evict_is_advised_against(void **state) {
  struct rig *r = *state;
  static const char words[] = "maxmemory-policy allkeys-lru may evict";
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_health(h, true, "takes writes");
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  assert_health(h, true, "takes writes"); /* without a bound nothing is evicted */
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "maxmemory", "100mb");
  assert_health(h, true, words);
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "maxmemory-policy", "volatile-lru");
  assert_health(h, true, "takes writes"); /* nothing of ours has a time to live */
  VALKEY_SAY(r->valkey, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  harness_quota_sweep(h, 0);
  harness_health(h, 0, NULL, 0);
  assert_non_null(strstr(harness_logged(h), words));
  assert_int_equal(reserve(h, "a", NULL), CGP_OK);
  harness_close(h);
  h = harness_open("quota_valkey", options(r, ", \"read_only\": true"));
  assert_health(h, false, words); /* a warning of `check` */
  harness_close(h);
}

static void one_in_cluster_mode(void **state) {
  static const char words[] = "prefix such as {camgate}:";
  struct rig *r = *state;
  VALKEY_SAY(r->valkey, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  struct harness *h =
      harness_open("quota_valkey", options(r, ", \"prefix\": \"{camgate}:\""));
  await_health(h, true);
  assert_int_equal(reserve(h, "a", NULL), CGP_OK);
  harness_close(h);
  h = harness_open("quota_valkey", options(r, ""));
  assert_health(h, false, words);
  assert_int_equal(reserve(h, "a", words), CGP_E_UNAVAILABLE);
  harness_close(h);
  h = harness_open("quota_valkey", options(r, ", \"read_only\": true"));
  assert_health(h, false, words);
  harness_close(h);
}

/* Another node's slot. */
static void one_in_a_cluster_that_lacks_the_slot(void **state) {
  struct rig *r = *state;
  struct harness *h =
      harness_open("quota_valkey", options(r, ", \"prefix\": \"{camgate}:\""));
  assert_health(h, false, "the cluster is down");
  assert_int_equal(reserve(h, "a", "the cluster is down"), CGP_E_UNAVAILABLE);
  harness_close(h);
}

/* Nothing is loaded that its own calls, and older gates', would then fail in. */
static void a_user_with_the_rights_of_version_1001(void **state) {
  struct rig *r = *state;
  static const char stub[] =
      "#!lua name=camgate_quota\nredis.register_function{function_name="
      "'camgate_version',callback=function() return 1001 end,flags={'no-writes'}}";
  VALKEY_SAY(r->valkey, "FUNCTION", "LOAD", stub);
  VALKEY_SAY(r->valkey, "ACL", "SETUSER", "gate", "on", ">pw", "~camgate:*", "-@all",
             "+fcall", "+fcall_ro", "+hget", "+hset", "+hdel", "+hmget", "+hincrby",
             "+hexists", "+zadd", "+zrem", "+zrange", "+time", "+function|load");
  struct harness *h = harness_open(
      "quota_valkey", options(r, ", \"user\": \"gate\", \"password\": \"pw\""));
  assert_int_equal(reserve(h, "a", "hscan"), CGP_E_UNAVAILABLE);
  assert_health(h, false, "the user lacks a right");
  assert_string_equal(VALKEY_SAY(r->valkey, "FCALL_RO", "camgate_version", "0"), ":1001");
  harness_close(h);
}

static void a_user_who_loses_a_right(void **state) {
  struct rig *r = *state;
  struct harness *h = harness_open("quota_valkey", options(r, ""));
  assert_int_equal(reserve(h, "a", NULL), CGP_OK);
  VALKEY_SAY(r->valkey, "ACL", "SETUSER", "default", "-zadd");
  assert_health(h, false, "the user lacks a right");
  assert_health(h, false, "ZADD");
  VALKEY_SAY(r->valkey, "ACL", "SETUSER", "default", "+zadd");
  await_health(h, true);
  harness_close(h);
}

#define ON(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON(a_read_only_replica),
      ON(one_at_maxmemory),
      ON(one_that_cannot_save),
      ON(one_without_its_replicas),
      ON(one_that_may_evict_is_advised_against),
      cmocka_unit_test_setup_teardown(one_in_cluster_mode, setup_cluster, teardown),
      cmocka_unit_test_setup_teardown(one_in_a_cluster_that_lacks_the_slot, setup_cluster,
                                      teardown),
      ON(a_user_with_the_rights_of_version_1001),
      ON(a_user_who_loses_a_right),
  };
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL); /* as the gate */
  return cmocka_run_group_tests_name("quota_valkey standing", tests, NULL, NULL);
}
