/* Ids: unique, sorted by time, bound to a home that stays the same. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/id.h"
#include "test.h"

static int by_text(const void *a, const void *b) {
  return strcmp(((const struct cg_id *)a)->text, ((const struct cg_id *)b)->text);
}

static void ids_differ_and_are_valid(void **state) {
  (void)state;
  static struct cg_id_maker maker;
  static struct cg_id ids[5000];
  for (size_t i = 0; i < CG_COUNT(ids); i++) {
    ids[i] = cg_id_new(&maker, 1000, (uint8_t)i);
    assert_true(cg_id_valid(ids[i].text));
    assert_int_equal(cg_id_home(ids[i].text), (uint8_t)i);
  }
  qsort(ids, CG_COUNT(ids), sizeof ids[0], by_text);
  for (size_t i = 1; i < CG_COUNT(ids); i++)
    assert_string_not_equal(ids[i - 1].text, ids[i].text);
}

static void ids_sort_by_time(void **state) {
  (void)state;
  static struct cg_id_maker maker;
  struct cg_id before = cg_id_new(&maker, 1, 255);
  for (int64_t us = 2; us < (INT64_C(1) << 52); us = us * 3) {
    struct cg_id id = cg_id_new(&maker, us, 0);
    assert_true(strcmp(before.text, id.text) < 0);
    before = id;
  }
}

static void an_id_tells_the_clock_of_its_moment(void **state) {
  (void)state;
  static struct cg_id_maker maker;
  const int64_t walls[] = {5000, 10, -1, INT64_C(253402300799999999), 10};
  for (size_t i = 0; i < CG_COUNT(walls); i++) {
    struct cg_id id = cg_id_new(&maker, walls[i], 0);
    char digits[15];
    snprintf(digits, sizeof digits, "%.14s", id.text);
    assert_int_equal(strtoull(digits, NULL, 16),
                     (uint64_t)walls[i] & ((UINT64_C(1) << 56) - 1));
    assert_true(cg_id_valid(id.text));
  }
}

static void only_ids_are_valid(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "0",
                                    "000000000000000000000000000",
                                    "00000000000000000000000000000",
                                    "000000000000000000000000000G",
                                    "000000000000000000000000000A",
                                    " 00000000000000000000000000",
                                    "../../../../../../etc/passwd"};
  for (size_t i = 0; i < CG_COUNT(bad); i++) assert_false(cg_id_valid(bad[i]));
  assert_true(cg_id_valid("0123456789abcdef0123456789ab"));
}

static void homes_are_for_ever(void **state) {
  (void)state;
  assert_int_equal(cg_home_of(""), 0x81 ^ 0x1c ^ 0x9d ^ 0xc5);
  /* FNV-1a of "a" is e40c292c */
  assert_int_equal(cg_home_of("a"), 0xe4 ^ 0x0c ^ 0x29 ^ 0x2c);
  int seen[256] = {0}, used = 0;
  char name[] = "user-000";
  for (int i = 0; i < 1000; i++) {
    name[5] = (char)('0' + i / 100), name[6] = (char)('0' + i / 10 % 10);
    name[7] = (char)('0' + i % 10);
    used += !seen[cg_home_of(name)]++;
  }
  assert_true(used > 200);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ids_differ_and_are_valid),
      cmocka_unit_test(ids_sort_by_time),
      cmocka_unit_test(an_id_tells_the_clock_of_its_moment),
      cmocka_unit_test(only_ids_are_valid),
      cmocka_unit_test(homes_are_for_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
