/* Every code point, and every short string of bytes against RFC 3629's own table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
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

static void put(const char *from, size_t n, size_t size, const char *want) {
  char to[64];
  memset(to, 'z', sizeof to);
  assert_int_equal(cg_utf8_put(to, size, from, n), strlen(want));
  assert_string_equal(to, want);
  assert_int_equal(to[size], 'z');
}

#define NO CG_UTF8_REPLACEMENT

/* Of the Unicode Standard 15, table 3-8 and the like; cut where there is no room. */
static void test_what_is_none_is_replaced(void **state) {
  (void)state;
  static const struct {
    const char *from;
    size_t n, size;
    const char *want;
  } rows[] = {
      {"", 0, 1, ""},
      {"abc", 3, 4, "abc"},
      {"abc", 3, 3, "ab"},
      {"\xff\xfe", 2, 40, NO NO},
      {"caf\xc3", 4, 40, "caf" NO},
      {"\xe2\x82z", 3, 40, NO "z"},
      {"\xf0\x9f\x98", 3, 40, NO},
      {"\xc0\xaf\xe0\x80\xbf", 5, 40, NO NO NO NO NO},
      {"\xed\xa0\x80", 3, 40, NO NO NO},
      {"\xf4\x91\x92\x93", 4, 40, NO NO NO NO},
      {"\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64", 13, 40,
       "a" NO NO NO "b" NO "c" NO NO "d"},
      {"a\0b", 3, 40, "a" NO "b"},
      {"12345678\xc3\xa4", 10, 11, "12345678\xc3\xa4"},
      {"12345678\xc3\xa4", 10, 10, "12345678"},
      {"12345678\xff", 9, 11, "12345678"},
      {"12345678\xff", 9, 12, "12345678" NO},
      {"12345678\0"
       "9",
       10, 20, "12345678" NO "9"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++)
    put(rows[i].from, rows[i].n, rows[i].size, rows[i].want);
}

static void test_no_character_is_cut(void **state) {
  (void)state;
  static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
  static const size_t keeps[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (size_t most = 0; most < CG_COUNT(keeps); most++)
    assert_int_equal(cg_utf8_cut(text, sizeof text - 1, most), keeps[most]);
  assert_int_equal(cg_utf8_cut("\x80\x80\x80\x80", 4, 3), 3);
}

static void test_print_is_cut_at_a_character(void **state) {
  (void)state;
  char to[8];
  assert_int_equal(cg_utf8_print(to, sizeof to, "%s", "123456\xc3\xa4"), 6);
  assert_string_equal(to, "123456");
  assert_int_equal(cg_utf8_print(to, sizeof to, "%.1s!", "\xc3\xa4"), 4);
  assert_string_equal(to, NO "!");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_code_point),
      cmocka_unit_test(test_every_string_of_three),
      cmocka_unit_test(test_behind_ascii_of_every_length),
      cmocka_unit_test(test_what_is_none_is_replaced),
      cmocka_unit_test(test_no_character_is_cut),
      cmocka_unit_test(test_print_is_cut_at_a_character),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
