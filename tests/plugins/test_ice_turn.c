/* ice_turn: the credentials against an independent computation, and what is refused. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define NOON   1795521600 /* seconds since 1970 */
#define SECRET "north-relay-secret"

struct copied {
  size_t n, n_urls;
  char urls[4][128], username[160], credential[64];
  uint32_t ttl_s;
};

static void copy_servers(void *to, const void *result) {
  const struct cgp_ice_servers *all = result;
  struct copied *c = to;
  c->n = all->n;
  if (all->n == 0) return;
  const struct cgp_ice_server *s = all->servers;
  c->n_urls = s->n_urls;
  for (size_t i = 0; i < s->n_urls && i < 4; i++) {
    snprintf(c->urls[i], sizeof c->urls[i], "%s", s->urls[i]);
  }
  snprintf(c->username, sizeof c->username, "%s", s->username);
  snprintf(c->credential, sizeof c->credential, "%s", s->credential);
  c->ttl_s = s->ttl_s;
}

static struct harness *open_at_noon(const char *options, struct cg_clock *clock) {
  *clock = cg_clock_fake((int64_t)NOON * 1000000);
  const struct harness_config config = {
      .plugin = "ice_turn", .options = options, .clock = clock};
  struct cg_err err = {0};
  struct harness *h = harness_try(&config, &err);
  if (!h) fail_msg("%s", err.text);
  return h;
}

static struct copied issue(struct harness *h, const char *lease, uint32_t ttl_s) {
  struct copied got = {0};
  struct harness_call c = {.copy = copy_servers, .to = &got};
  struct cgp_ice_request req = {.lease_id = lease, .ttl_s = ttl_s};
  cg_ice_issue(harness_drivers(h, 0), &req, harness_answered, &c);
  assert_int_equal(harness_wait(h, &c), CGP_OK);
  return got;
}

static void expected_credential(const char *username, char out[64]) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  assert_non_null(HMAC(EVP_sha1(), SECRET, (int)strlen(SECRET),
                       (const unsigned char *)username, strlen(username), mac, &n));
  EVP_EncodeBlock((unsigned char *)out, mac, (int)n);
}

static void assert_refused(const char *options, const char *words) {
  const struct harness_config config = {.plugin = "ice_turn", .options = options};
  struct cg_err err = {0};
  struct harness *h = harness_try(&config, &err);
  assert_null(h);
  if (!strstr(err.text, words)) fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

static const char with_secret[] =
    "{\"domain\": \"turn.example\", \"secret\": \"" SECRET "\", \"ttl_s\": 600}";

static void a_lease_gets_credentials_of_its_own(void **state) {
  (void)state;
  struct cg_clock clock;
  struct harness *h = open_at_noon(with_secret, &clock);
  const char *leases[] = {"lease-a", "lease-b", "lease-a"};
  for (size_t i = 0; i < 3; i++) {
    char username[64], credential[64];
    struct copied got = issue(h, leases[i], 300);
    snprintf(username, sizeof username, "%d:%s", NOON + 300, leases[i]);
    expected_credential(username, credential);
    assert_string_equal(got.username, username);
    assert_string_equal(got.credential, credential);
    assert_int_equal(got.ttl_s, 300);
  }
  harness_close(h);
}

static void urls_reach_the_server_three_ways(void **state) {
  (void)state;
  struct cg_clock clock;
  struct harness *h = open_at_noon(with_secret, &clock);
  struct copied got = issue(h, "l", 60);
  assert_int_equal(got.n, 1);
  assert_int_equal(got.n_urls, 3);
  assert_string_equal(got.urls[0], "turn:turn.example:3478?transport=udp");
  assert_string_equal(got.urls[1], "turn:turn.example:3478?transport=tcp");
  assert_string_equal(got.urls[2], "turns:turn.example:5349?transport=tcp");
  harness_close(h);
}

static void ports_are_options(void **state) {
  (void)state;
  struct cg_clock clock;
  struct harness *h = open_at_noon("{\"domain\": \"[2001:db8::7]\", \"secret\": \"s\","
                                   " \"port\": 80, \"tls_port\": 443}",
                                   &clock);
  struct copied got = issue(h, "l", 60);
  assert_string_equal(got.urls[0], "turn:[2001:db8::7]:80?transport=udp");
  assert_string_equal(got.urls[2], "turns:[2001:db8::7]:443?transport=tcp");
  harness_close(h);
}

static void the_shorter_life_counts(void **state) {
  (void)state;
  struct cg_clock clock;
  struct harness *h = open_at_noon(with_secret, &clock);
  struct copied got = issue(h, "l", 7200);
  assert_int_equal(got.ttl_s, 600);
  assert_int_equal(strtol(got.username, NULL, 10), NOON + 600);
  harness_close(h);
}

static void expiry_follows_the_clock(void **state) {
  (void)state;
  struct cg_clock clock;
  struct harness *h = open_at_noon(with_secret, &clock);
  clock.fake_wall_us += 90000000;
  assert_int_equal(strtol(issue(h, "l", 10).username, NULL, 10), NOON + 100);
  harness_close(h);
}

static void without_domain_there_are_no_servers(void **state) {
  (void)state;
  struct cg_clock clock;
  struct harness *h = open_at_noon("{\"secret\": \"s\"}", &clock);
  assert_int_equal(issue(h, "l", 60).n, 0);
  harness_close(h);
}

static void a_static_user_is_handed_out_and_warned_of(void **state) {
  (void)state;
  struct cg_clock clock;
  struct harness *h = open_at_noon(
      "{\"domain\": \"turn.example\", \"user\": \"rta\", \"password\": \"hunter2\"}",
      &clock);
  struct copied got = issue(h, "l", 60);
  assert_string_equal(got.username, "rta");
  assert_string_equal(got.credential, "hunter2");
  const char *warning = strstr(harness_logged(h), "one static TURN user");
  assert_non_null(warning);
  assert_null(strstr(warning + 1, "one static TURN user"));
  assert_null(strstr(harness_logged(h), "hunter2"));
  harness_close(h);
}

static void a_secret_goes_before_a_static_user(void **state) {
  (void)state;
  struct cg_clock clock;
  struct harness *h = open_at_noon("{\"domain\": \"turn.example\", \"secret\": \"" SECRET
                                   "\", \"user\": \"rta\", \"password\": \"hunter2\"}",
                                   &clock);
  assert_string_not_equal(issue(h, "l", 60).username, "rta");
  assert_null(strstr(harness_logged(h), "static TURN user"));
  harness_close(h);
}

static void a_lease_id_too_long_for_a_username_fails(void **state) {
  (void)state;
  struct cg_clock clock;
  struct harness *h = open_at_noon(with_secret, &clock);
  char id[201];
  memset(id, 'x', 200);
  id[200] = '\0';
  struct harness_call c = {0};
  struct cgp_ice_request req = {.lease_id = id, .ttl_s = 60};
  cg_ice_issue(harness_drivers(h, 0), &req, harness_answered, &c);
  assert_int_equal(harness_wait(h, &c), CGP_E_INTERNAL);
  harness_close(h);
}

static void half_a_configuration_is_refused(void **state) {
  (void)state;
  assert_refused("{\"domain\": \"turn.example\"}", "secret, or both user and password");
  assert_refused("{\"domain\": \"turn.example\", \"user\": \"rta\"}",
                 "user and password");
  assert_refused("{\"domain\": \"turn:turn.example\", \"secret\": \"s\"}",
                 "/plugins/ice_turn/domain: must be");
  assert_refused("{\"domain\": \"turn.example:3478\", \"secret\": \"s\"}",
                 "/plugins/ice_turn/domain: must be");
  assert_refused("{\"domain\": \"a?transport=udp\", \"secret\": \"s\"}",
                 "/plugins/ice_turn/domain: must be");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lease_gets_credentials_of_its_own),
      cmocka_unit_test(urls_reach_the_server_three_ways),
      cmocka_unit_test(ports_are_options),
      cmocka_unit_test(the_shorter_life_counts),
      cmocka_unit_test(expiry_follows_the_clock),
      cmocka_unit_test(without_domain_there_are_no_servers),
      cmocka_unit_test(a_static_user_is_handed_out_and_warned_of),
      cmocka_unit_test(a_secret_goes_before_a_static_user),
      cmocka_unit_test(a_lease_id_too_long_for_a_username_fails),
      cmocka_unit_test(half_a_configuration_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
