/* Every code point, and every short string of bytes against RFC 3629's own table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static size_t encode(uint32_t c, char out[4]) {
  if (c < 0x80) return out[0] = (char)c, 1;
  if (c < 0x800)
    return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
  if (c < 0x10000) {
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 63));
    return out[2] = (char)(0x80 | (c & 63)), 3;
  }
  out[0] = (char)(0xf0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 63));
  out[2] = (char)(0x80 | (c >> 6 & 63));
  return out[3] = (char)(0x80 | (c & 63)), 4;
}

static bool whole(const char *bytes, size_t n) {
  struct cg_utf8 u = {0};
  bool is = cg_utf8_feed(&u, bytes, n) && cg_utf8_ends(&u);
  assert_int_equal(cg_utf8_is(bytes, n), is);
  return is;
}

static bool is_scalar(uint32_t c) {
  return c < 0xd800 || (c > 0xdfff && c <= 0x10ffff);
}

static void test_every_code_point(void **state) {
  (void)state;
  char bytes[4];
  for (uint32_t c = 0; c < 0x200000; c++) {
    size_t n = encode(c, bytes);
    if (whole(bytes, n) != is_scalar(c)) fail_msg("U+%04X", c);
    if (cg_utf8_len(bytes, n) != (is_scalar(c) ? n : 0)) fail_msg("U+%04X", c);
    assert_true(n == 1 || cg_utf8_len(bytes, n - 1) == 0);
    for (size_t cut = 1; cut < n && is_scalar(c); cut++) {
      struct cg_utf8 u = {0};
      assert_true(cg_utf8_feed(&u, bytes, cut) && !cg_utf8_ends(&u));
      assert_true(cg_utf8_feed(&u, bytes + cut, n - cut) && cg_utf8_ends(&u));
    }
  }
}

/* Of three bytes, those that are UTF-8 are as many as the table allows. */
static void test_every_string_of_three(void **state) {
  (void)state;
  const unsigned two = 30 * 64, three = 16 * 64 * 64 - 0x800 - 0x800;
  unsigned found = 0;
  for (uint32_t i = 0; i < 1u << 24; i++) {
    const char bytes[3] = {(char)(i >> 16), (char)(i >> 8), (char)i};
    found += whole(bytes, 3);
  }
  assert_int_equal(found, 128 * 128 * 128 + 2 * 128 * two + three);
}

static void test_behind_ascii_of_every_length(void **state) {
  (void)state;
  char text[64];
  for (size_t n = 0; n < 40; n++) {
    memset(text, 'a', sizeof text);
    assert_true(whole(text, n));
    memcpy(text + n, "\xc3\xa9", 2);
    assert_true(whole(text, n + 2) && whole(text, n + 12));
    assert_false(whole(text, n + 1));
    text[n + 1] = 'a';
    assert_false(whole(text, n + 12));
    text[n] = (char)0xff;
    assert_false(whole(text, n + 1));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_code_point),
      cmocka_unit_test(test_every_string_of_three),
      cmocka_unit_test(test_behind_ascii_of_every_length),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
