/* Tiers by name and by rank. */
#include "base/tier.h"
#include "test.h"

static void tiers_by_name_and_index(void **state) {
  (void)state;
  const struct cg_tiers *t = &cg_tiers_default;
  assert_int_equal(t->n, 3);
  assert_int_equal(cg_tier_find(t, "low"), 0);
  assert_int_equal(cg_tier_find(t, "high"), 2);
  assert_int_equal(cg_tier_find(t, "ultra"), CG_TIER_NONE);
  assert_int_equal(cg_tier_find(t, ""), CG_TIER_NONE);
  assert_int_equal(cg_tier_find(t, NULL), CG_TIER_NONE);
  assert_string_equal(cg_tier_name(t, 1), "medium");
  assert_string_equal(cg_tier_name(t, CG_TIER_NONE), "");
  assert_string_equal(cg_tier_name(t, 3), "");
  for (int i = 1; i < t->n; i++) assert_true(t->items[i].kbps > t->items[i - 1].kbps);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tiers_by_name_and_index)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
