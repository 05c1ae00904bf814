/* The ABI grows: what crosses is read by its own size, from either side. */
#include "harness.h"

/* An array whose elements are longer than ours: a later minor's. */
struct roomy_scope {
  struct cgp_scope scope;
  char later[24];
};

static void arrays_are_stepped_by_their_elements_size(void **state) {
  (void)state;
  struct roomy_scope scopes[2] = {{CGP_INIT(cgp_scope, .name = "a", .limit = 5), "xxx"},
                                  {CGP_INIT(cgp_scope, .name = "b", .limit = 5), "xxx"}};
  for (int i = 0; i < 2; i++) scopes[i].scope.size = sizeof scopes[i];
  assert_ptr_equal(CGP_AT(&scopes[0].scope, 1), &scopes[1].scope);
  struct harness *h = harness_open("quota_local", "{}");
  const uint32_t kbps = 1;
  struct cgp_quota_reserve req = {.lease_id = "l",
                                  .scopes = &scopes[0].scope,
                                  .n_scopes = 2,
                                  .ladder_kbps = &kbps,
                                  .n_ladder = 1,
                                  .ttl_ms = 60000};
  assert_true(harness_quota_reserve(h, 0, &req).granted);
  struct cgp_quota_hold hold = {.lease_id = "l",
                                .scopes = &scopes[0].scope,
                                .n_scopes = 2,
                                .kbps = 1,
                                .ttl_ms = 60000};
  assert_true(harness_quota_renew(h, 0, &hold));
  assert_int_equal(harness_quota_usage(h, 0, "b"), 1);
  harness_close(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(arrays_are_stepped_by_their_elements_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
