/* The ABI grows: a plugin of an older minor works, what it cannot have is not read. */
#include "harness.h"

static void an_older_minor_is_taken_as_it_was(void **state) {
  (void)state;
  struct cg_err err = {0};
  const struct harness_config config = {.plugin = "older_minor",
                                        .dir = BINARY_DIR "/tests/bad"};
  struct harness *h = harness_try(&config, &err);
  if (!h) fail_msg("%s", err.text);
  size_t n = 7;
  assert_null(cg_plugin_libraries(harness_set(h)->items[0].abi, &n));
  assert_int_equal(n, 0);
  char text[64];
  assert_true(harness_health(h, 0, text, sizeof text));
  assert_string_equal(text, "as old as ever");
  struct harness_call c = {0};
  struct cgp_ice_request req = {.lease_id = "l", .ttl_s = 60};
  cg_ice_issue(harness_drivers(h, 0), &req, harness_answered, &c);
  assert_int_equal(harness_wait(h, &c), CGP_OK);
  harness_close(h);
}

static void health_is_read_by_the_minor_that_wrote_it(void **state) {
  (void)state;
  const struct cgp_health given = {
      .ok = false, .text = "away", .server = "valkey", .server_version = "8.0.1"};
  struct cgp_health h = cg_plugin_health(&(struct cgp_plugin){.abi_minor = 1}, &given);
  assert_string_equal(h.server, "valkey");
  assert_string_equal(h.server_version, "8.0.1");
  h = cg_plugin_health(&(struct cgp_plugin){.abi_minor = 0}, &given);
  assert_null(h.server);
  assert_null(h.server_version);
  assert_false(h.ok);
  assert_string_equal(h.text, "away");
  assert_true(cg_plugin_health(&(struct cgp_plugin){.abi_minor = 1}, NULL).ok);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_older_minor_is_taken_as_it_was),
      cmocka_unit_test(health_is_read_by_the_minor_that_wrote_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
