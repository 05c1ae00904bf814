/* The ABI's rules of ids, and what may be asked of a quota. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include <string.h>

#include "plugin/names.h"

static void a_camera_id(void **state) {
  (void)state;
  char longest[CGP_CAMERA_ID_MAX + 2];
  memset(longest, 'x', sizeof longest);
  longest[CGP_CAMERA_ID_MAX + 1] = '\0';
  assert_false(cg_camera_id_valid(longest));
  longest[CGP_CAMERA_ID_MAX] = '\0';
  const char *const good[] = {"a", "7", "Lobby-1", "gate_2", longest};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_true(cg_camera_id_valid(good[i]));
  const char *const bad[] = {"",    "-a",  "_a",  ".a",          "a.b",
                             "a/b", "a b", "a\n", "caf\xc3\xa9", "../x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(cg_camera_id_valid(bad[i]));
}

static void a_tier_and_a_scope(void **state) {
  (void)state;
  char text[CGP_SCOPE_MAX + 2];
  memset(text, 'x', sizeof text);
  text[CGP_SCOPE_MAX + 1] = '\0';
  assert_false(cg_scope_name_valid(text));
  text[CGP_SCOPE_MAX] = '\0';
  assert_true(cg_scope_name_valid(text));
  assert_true(cg_scope_name_valid("user: \r\n\xc3\xa9"));
  assert_false(cg_scope_name_valid(""));
  text[CGP_TIER_MAX + 1] = '\0';
  assert_false(cg_tier_name_valid(text));
  text[CGP_TIER_MAX] = '\0';
  assert_true(cg_tier_name_valid(text));
  assert_false(cg_tier_name_valid("-low"));
}

static void a_request(void **state) {
  (void)state;
  static const uint32_t kbps[] = {2, 1};
  static const struct cgp_scope twice[] = {CGP_INIT(cgp_scope, .name = "s"),
                                           CGP_INIT(cgp_scope, .name = "s")};
  const struct cgp_quota_reserve good = {
      .size = sizeof good,
      .lease_id = "l-1",
      .scopes = twice,
      .n_scopes = 1,
      .ladder_kbps = kbps,
      .n_ladder = 2,
      .ttl_ms = 1,
  };
  assert_null(cg_reserve_odd(&good));
  struct cgp_quota_reserve bad[] = {good, good, good, good};
  bad[0].n_ladder = 0;
  bad[1].lease_id = "l 1";
  bad[2].n_scopes = 2;
  bad[3].ttl_ms = 0;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_non_null(cg_reserve_odd(&bad[i]));
  struct cgp_quota_hold hold = {.size = sizeof hold, .lease_id = "l-1", .ttl_ms = 1};
  assert_null(cg_hold_odd(&hold));
  hold.lease_id = "";
  assert_non_null(cg_hold_odd(&hold));
}

static void leases_to_release(void **state) {
  (void)state;
  const char *const ids[] = {"a", "b", ""};
  assert_null(cg_lease_ids_odd(ids, 2));
  assert_non_null(cg_lease_ids_odd(ids, 3));
  assert_non_null(cg_lease_ids_odd(ids, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_camera_id),
      cmocka_unit_test(a_tier_and_a_scope),
      cmocka_unit_test(a_request),
      cmocka_unit_test(leases_to_release),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
