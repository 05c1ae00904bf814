/* FNV's published vectors, and how numbers spread over places. */
#include <stdbool.h>

#include "base/check.h"
#include "base/hash.h"
#include "test.h"

/* FNV-1a's published vectors: a home in an id of last year must be today's. */
static void hashes_are_for_ever(void **state) {
  (void)state;
  assert_int_equal(cg_hash("", 0), 0x811c9dc5);
  assert_int_equal(cg_hash("a", 1), 0xe40c292c);
  assert_int_equal(cg_hash("foobar", 6), 0xbf9cf968);
  assert_int_equal(cg_hash("\xff\x00\x00\x01", 4), 0xc48fb86d);
  assert_int_equal(cg_hash("foobarther", 6), 0xbf9cf968);
}

/* How many of 256 places 256 numbers in a row take. */
static int places(uint64_t from, uint64_t step, uint64_t salt) {
  bool taken[256] = {false};
  int n = 0;
  for (uint64_t i = 0; i < 256; i++) {
    size_t at = cg_hash_number(from + i * step, salt) & 255;
    n += !taken[at];
    taken[at] = true;
  }
  return n;
}

/* By chance 162 of 256 places; whatever differs in the numbers, and with any salt. */
static void numbers_spread(void **state) {
  (void)state;
  static const uint64_t salts[] = {0, 1, 0x123456789abcdef0, UINT64_MAX};
  for (size_t i = 0; i < CG_COUNT(salts); i++)
    for (int shift = 0; shift < 57; shift += 8)
      assert_in_range(places(0, UINT64_C(1) << shift, salts[i]), 128, 256);
}

static void a_salt_of_its_own_moves_them(void **state) {
  (void)state;
  int same = 0;
  for (uint64_t i = 0; i < 256; i++)
    same += (cg_hash_number(i, 5) & 255) == (cg_hash_number(i, 77777) & 255);
  assert_true(same < 16);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hashes_are_for_ever),
      cmocka_unit_test(numbers_spread),
      cmocka_unit_test(a_salt_of_its_own_moves_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
