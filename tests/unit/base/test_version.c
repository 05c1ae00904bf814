/* Versions ordered as dpkg orders them. */
#include "base/version.h"

#include "base/check.h"
#include "test.h"

static void ordered_as_dpkg_orders_them(void **state) {
  (void)state;
  /* each older than the next; by `dpkg --compare-versions` */
  static const char *const versions[] = {
      "0",
      "0.9~rc1",
      "0.9",
      "0.14.1",
      "1.0.0",
      "1.2.18-1",
      "1.2.18-2",
      "1.10.2-1",
      "1.10.2-1+deb12u1",
      "2.1.12-stable-8",
      "3.0.18-1~deb12u2",
      "3.0.18-1",
      "3.0.19-1~deb12u2",
      "3.40.1",
      "3.40.1-2+deb12u1",
      "3.40.1-2+deb12u2",
      "3.51.3",
      "8.0.1+dfsg1-1~bpo12+1",
      "8.0.1+dfsg1-1",
      "8.0.10",
      "1:0.1",
  };
  for (size_t i = 0; i < CG_COUNT(versions); i++)
    for (size_t j = 0; j < CG_COUNT(versions); j++) {
      int d = cg_version_cmp(versions[i], versions[j]);
      if ((i < j) != (d < 0) || (i > j) != (d > 0))
        fail_msg("%s against %s: %d", versions[i], versions[j], d);
    }
  assert_int_equal(cg_version_cmp("1.0", "1.00"), 0);
  assert_int_equal(cg_version_cmp("1.0-0", "1.0"), 0);
}

static void mended_in_its_branch(void **state) {
  (void)state;
  static const struct {
    const char *version, *releases;
    bool mended;
  } cases[] = {
      {"8.0.5", "7.2.11 8.0.6 8.1.4", false},
      {"8.0.6", "7.2.11 8.0.6 8.1.4", true},
      {"8.0.10", "7.2.11 8.0.6 8.1.4", true},
      {"7.2.11", "7.2.11 8.0.6 8.1.4", true},
      {"7.2.10", "7.2.11 8.0.6 8.1.4", false},
      {"8.1.3", "7.2.11 8.0.6 8.1.4", false},
      {"7.0.99", "7.2.11 8.0.6 8.1.4", false},
      {"9.0.0", "7.2.11 8.0.6 8.1.4", true},
      {"3.40.1", "3.51.3", false},
      {"3.51.2", "3.51.3", false},
      {"3.53.0", "3.51.3", true},
      {"2.1.12-stable", "2.1.13", false},
      {"2.1.13-stable", "2.1.13", true},
      {"1.2.18", "", false},
      {"", "1.0", false},
      {"8", "8.0.6", false},
  };
  for (size_t i = 0; i < CG_COUNT(cases); i++)
    if (cg_version_mended(cases[i].version, cases[i].releases) != cases[i].mended)
      fail_msg("%s with \"%s\"", cases[i].version, cases[i].releases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ordered_as_dpkg_orders_them),
      cmocka_unit_test(mended_in_its_branch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
