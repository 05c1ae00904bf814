/* The set of plugins: options, kinds and routes, all errors at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

struct bed {
  struct cg_log *log;
  struct cg_metrics *metrics;
  struct cg_arena *arena;
  struct cg_field_errors errs;
  struct cg_plugins *set;
};

static int setup(void **state) {
  struct bed *b = calloc(1, sizeof *b);
  b->log = cg_log_new(STDERR_FILENO, CG_ERROR, &cg_clock_system);
  b->metrics = cg_metrics_new(1);
  b->arena = cg_arena_new(NULL, (size_t)1 << 20);
  *state = b;
  return 0;
}

static int teardown(void **state) {
  struct bed *b = *state;
  cg_plugins_free(b->set);
  cg_arena_free(b->arena, NULL);
  cg_metrics_free(b->metrics);
  cg_log_free(b->log);
  free(b);
  return 0;
}

static void load(struct bed *b, const char *options, bool partial) {
  json_t *all = json_loads(options, 0, NULL);
  assert_non_null(all);
  const struct cg_plugins_env env = {
      .dir = BINARY_DIR "/plugins",
      .options = all,
      .conf_dir = "/etc/camgate",
      .state_dir = "/tmp",
      .node = "test",
      .log = b->log,
      .metrics = b->metrics,
      .clock = &cg_clock_system,
      .n_workers = 1,
      .partial = partial,
  };
  b->set = cg_plugins_load(&env, b->arena, &b->errs);
  json_decref(all);
}

static void expect_error(struct bed *b, size_t i, const char *pointer, const char *text) {
  assert_true(i < b->errs.n);
  assert_string_equal(b->errs.items[i].pointer, pointer);
  assert_string_equal(b->errs.items[i].text, text);
}

static void every_wrong_option_is_told(void **state) {
  struct bed *b = *state;
  load(b, "{\"skeleton\": {\"ulr\": 1, \"url\": \"\", \"ttl_s\": 5}}", true);
  assert_null(b->set);
  assert_int_equal(b->errs.n, 3);
  expect_error(b, 0, "/plugins/skeleton/ulr", "unknown; did you mean \"url\"?");
  expect_error(b, 1, "/plugins/skeleton/url", "must be 1 to 256 bytes, is 0");
  expect_error(b, 2, "/plugins/skeleton/ttl_s", "must be 60 to 86400, is 5");
}

static void wrong_types_are_told(void **state) {
  struct bed *b = *state;
  load(b, "{\"skeleton\": {\"url\": 7, \"ttl_s\": \"5\"}}", true);
  assert_int_equal(b->errs.n, 2);
  expect_error(b, 0, "/plugins/skeleton/url", "must be a string");
  expect_error(b, 1, "/plugins/skeleton/ttl_s", "must be a whole number");
}

static void a_missing_kind_is_told_unless_partial(void **state) {
  struct bed *b = *state;
  load(b, "{\"skeleton\": {}}", false);
  assert_null(b->set);
  assert_int_equal(b->errs.n, 4);
  expect_error(b, 0, "/plugins", "no plugin serves the kind cameras");
  b->errs.n = 0;
  load(b, "{\"skeleton\": {}}", true);
  assert_non_null(b->set);
  assert_ptr_equal(b->set->ice, &b->set->items[0]);
  assert_null(b->set->quota);
}

static void one_kind_has_one_plugin(void **state) {
  struct bed *b = *state;
  load(b, "{\"skeleton\": {}, \"ice_turn\": {\"secret\": \"0123456789abcdef\"}}", true);
  assert_null(b->set);
  bool told = false;
  for (size_t i = 0; i < b->errs.n; i++)
    told |=
        !!strstr(b->errs.items[i].text, "both skeleton and ice_turn serve the kind ice");
  assert_true(told);
}

static void init_refuses_in_the_plugins_words(void **state) {
  struct bed *b = *state;
  load(b, "{\"skeleton\": {\"url\": \"http://x\"}}", true);
  assert_non_null(b->set);
  assert_false(cg_plugins_init(b->set, b->arena, &b->errs));
  expect_error(b, 0, "/plugins/skeleton",
               "skeleton does not start: url must begin with stun:, is http://x");
}

static void every_refusal_is_told_at_its_option(void **state) {
  struct bed *b = *state;
  load(b,
       "{\"room_livekit\": {\"url\": \"ftp://x\", \"api_key\": \"k\"}, "
       "\"ice_turn\": {\"domain\": \"a:b\"}}",
       true);
  assert_non_null(b->set);
  assert_false(cg_plugins_init(b->set, b->arena, &b->errs));
  assert_int_equal(b->errs.n, 3);
  assert_string_equal(b->errs.items[0].pointer, "/plugins/room_livekit/url");
  expect_error(b, 1, "/plugins/room_livekit/api_key",
               "option api_key is given, so api_secret is needed");
  expect_error(b, 2, "/plugins/ice_turn/domain",
               "must be a host name or address, without scheme or port");
}

static void odd_descriptions_are_refused(void **state) {
  (void)state;
  struct cg_err err;
  char buf[256];
  const struct cgp_plugin *good = cg_plugin_open(BINARY_DIR "/plugins/skeleton.so", &err);
  assert_non_null(good);
  assert_null(cg_plugin_refusal(good, buf, sizeof buf));
  struct cgp_plugin odd = *good;
  odd.init = NULL;
  assert_string_equal(cg_plugin_refusal(&odd, buf, sizeof buf), "it lacks init or start");
  odd = *good;
  odd.n_routes = 1;
  assert_string_equal(cg_plugin_refusal(&odd, buf, sizeof buf),
                      "n_routes without routes");
  odd = *good;
  const struct cgp_option twins[] = {
      CGP_INIT(cgp_option, "a", CGP_OPT_BOOL, 0, 0, "true", "A."),
      CGP_INIT(cgp_option, "a", CGP_OPT_BOOL, 0, 0, "true", "A.")};
  odd.options = twins;
  assert_string_equal(cg_plugin_refusal(&odd, buf, sizeof buf),
                      "two options of one name");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(every_wrong_option_is_told),
      TEST(wrong_types_are_told),
      TEST(a_missing_kind_is_told_unless_partial),
      TEST(one_kind_has_one_plugin),
      TEST(init_refuses_in_the_plugins_words),
      TEST(every_refusal_is_told_at_its_option),
      cmocka_unit_test(odd_descriptions_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
