/* Buffers: their bound, and JSON that another parser reads as it was meant. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "test.h"

static void text_is_always_text(void **state) {
  (void)state;
  struct cg_buf b;
  cg_buf_init(&b, 100);
  assert_string_equal(cg_buf_text(&b), "");
  cg_buf_puts(&b, "camera ");
  cg_buf_printf(&b, "%s-%d", "lobby", 1);
  cg_buf_add(&b, "!?", 1);
  assert_string_equal(cg_buf_text(&b), "camera lobby-1!");
  cg_buf_reset(&b);
  assert_string_equal(cg_buf_text(&b), "");
  cg_buf_done(&b);
  assert_string_equal(cg_buf_text(&b), "");
}

static void the_maximum_is_exact(void **state) {
  (void)state;
  for (size_t max = 0; max < 600; max += 37) {
    struct cg_buf b;
    cg_buf_init(&b, max);
    for (size_t i = 0; i < max; i++) cg_buf_add(&b, "x", 1);
    assert_true(cg_buf_ok(&b));
    assert_int_equal(strlen(cg_buf_text(&b)), max);
    cg_buf_add(&b, "x", 1);
    assert_false(cg_buf_ok(&b));
    assert_int_equal(b.len, max);
    cg_buf_done(&b);
  }
}

static void what_passes_the_maximum_is_dropped_whole(void **state) {
  (void)state;
  struct cg_buf b;
  cg_buf_init(&b, 10);
  cg_buf_puts(&b, "12345");
  cg_buf_puts(&b, "678901");
  assert_false(cg_buf_ok(&b));
  cg_buf_puts(&b, "6"); /* and so is all that follows */
  cg_buf_printf(&b, "%d", 6);
  assert_string_equal(cg_buf_text(&b), "12345");
  cg_buf_reset(&b);
  assert_true(cg_buf_ok(&b));
  cg_buf_printf(&b, "%011d", 1);
  assert_false(cg_buf_ok(&b));
  assert_string_equal(cg_buf_text(&b), "");
  cg_buf_done(&b);
}

static void borrowed_memory_never_grows(void **state) {
  (void)state;
  char memory[8];
  struct cg_buf b;
  cg_buf_wrap(&b, memory, sizeof memory);
  uint64_t before = cg_mem_count();
  cg_buf_puts(&b, "1234567");
  assert_true(cg_buf_ok(&b));
  cg_buf_puts(&b, "8");
  assert_false(cg_buf_ok(&b));
  assert_string_equal(memory, "1234567");
  assert_int_equal(cg_mem_count(), before);
  cg_buf_done(&b);
}

static void no_memory_fails_the_buffer(void **state) {
  (void)state;
  struct cg_buf b;
  cg_buf_init(&b, 10000);
  cg_mem_fail_after(1);
  cg_buf_puts(&b, "x");
  assert_false(cg_buf_ok(&b));
  assert_string_equal(cg_buf_text(&b), "");
  cg_buf_done(&b);
}

static void members_get_their_commas(void **state) {
  (void)state;
  struct cg_buf b;
  cg_buf_init(&b, 1000);
  cg_json_open(&b, NULL, '{');
  cg_json_str(&b, "id", "l1");
  cg_json_open(&b, "ice", '[');
  cg_json_open(&b, NULL, '{');
  cg_json_close(&b, '}');
  cg_json_int(&b, NULL, -12);
  cg_json_str(&b, NULL, NULL);
  cg_json_close(&b, ']');
  cg_json_bool(&b, "ok", true);
  cg_json_bool(&b, "no", false);
  cg_json_raw(&b, "raw", "{\"a\":1}");
  cg_json_time(&b, "at", 0);
  cg_json_close(&b, '}');
  assert_string_equal(cg_buf_text(&b),
                      "{\"id\":\"l1\",\"ice\":[{},-12,null],\"ok\":true,\"no\":false,"
                      "\"raw\":{\"a\":1},\"at\":\"1970-01-01T00:00:00.000000Z\"}");
  cg_buf_done(&b);
}

/* Both what failed and what went well since the mark is undone. */
static void back_to_a_mark(void **state) {
  (void)state;
  for (size_t max = 4; max <= 40; max++) {
    struct cg_buf b;
    cg_buf_init(&b, max);
    cg_json_open(&b, NULL, '{');
    struct cg_buf mark = b;
    cg_json_str(&b, "member", "that may not fit");
    cg_buf_back(&b, &mark);
    assert_true(cg_buf_ok(&b));
    cg_json_close(&b, '}');
    assert_string_equal(cg_buf_text(&b), "{}");
    cg_buf_puts(&b, "more than there is room for, whatever the maximum");
    mark = b;
    cg_buf_back(&b, &mark);
    assert_false(cg_buf_ok(&b));
    cg_buf_done(&b);
  }
}

static void every_integer(void **state) {
  (void)state;
  struct cg_buf b;
  cg_buf_init(&b, 100);
  int64_t values[400] = {0, INT64_MIN, INT64_MAX, INT64_MIN + 1};
  size_t n = 4;
  for (int64_t ten = 1; n < 390 && ten <= INT64_MAX / 10; ten *= 10)
    for (int64_t d = -1; d <= 1; d++) {
      values[n++] = ten + d;
      values[n++] = -ten + d;
      values[n++] = 37 * (ten / 10) + d;
    }
  for (size_t i = 0; i < n; i++) {
    char want[32];
    snprintf(want, sizeof want, "%" PRId64, values[i]);
    cg_buf_reset(&b);
    cg_json_int(&b, NULL, values[i]);
    assert_string_equal(cg_buf_text(&b), want);
  }
  cg_buf_done(&b);
}

static void check_escape(const char *in, size_t n, const char *want) {
  struct cg_buf b;
  cg_buf_init(&b, 1000);
  cg_json_strn(&b, NULL, in, n);
  assert_string_equal(cg_buf_text(&b), want);
  cg_buf_done(&b);
}

static void escapes(void **state) {
  (void)state;
  static const struct {
    const char *in, *want;
  } rows[] = {
      {"", "\"\""},
      {"plain text / here", "\"plain text / here\""},
      {"a\"b\\c", "\"a\\\"b\\\\c\""},
      {"\b\f\n\r\t\v\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u000b\\u001f\x7f\""},
      {"12345678\"", "\"12345678\\\"\""},
      {"1234567\n9", "\"1234567\\n9\""},
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xa5",
       "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xa5\""},
      {"\xff", "\"\xef\xbf\xbd\""},
      {"a\xc3", "\"a\xef\xbf\xbd\""},
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xe0\x80\x80z", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
      {"\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\""},
      {"\xf4\x8f\xbf\xbf\xf0\x90\x80\x80", "\"\xf4\x8f\xbf\xbf\xf0\x90\x80\x80\""},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++)
    check_escape(rows[i].in, strlen(rows[i].in), rows[i].want);
  check_escape("a\0b", 3, "\"a\\u0000b\"");
}

static void comes_back(const char *text, size_t n) {
  struct cg_buf b;
  cg_buf_init(&b, 1000);
  cg_json_open(&b, NULL, '[');
  cg_json_strn(&b, NULL, text, n);
  cg_json_close(&b, ']');
  json_t *json = json_loads(cg_buf_text(&b), 0, NULL);
  assert_non_null(json);
  const json_t *value = json_array_get(json, 0);
  assert_int_equal(json_string_length(value), n);
  assert_memory_equal(json_string_value(value), text, n);
  json_decref(json);
  cg_buf_done(&b);
}

/* Any byte at any place of texts shorter and longer than a run of eight: what another
 * parser reads is what went in. */
static void every_byte_comes_back(void **state) {
  (void)state;
  for (int c = 1; c < 0x80; c++)
    for (size_t n = 1; n <= 20; n++)
      for (size_t at = 0; at < n; at++) {
        char text[20];
        memset(text, 'x', sizeof text);
        text[at] = (char)c;
        comes_back(text, n);
      }
}

static void names_from_elsewhere_are_escaped_keys(void **state) {
  (void)state;
  struct cg_buf b;
  cg_buf_init(&b, 100);
  cg_json_open(&b, NULL, '{');
  cg_json_name(&b, "user:\"x\"");
  cg_json_int(&b, NULL, 1);
  cg_json_name(&b, "plain");
  cg_json_str(&b, NULL, "y");
  cg_json_close(&b, '}');
  assert_string_equal(cg_buf_text(&b), "{\"user:\\\"x\\\"\":1,\"plain\":\"y\"}");
  cg_buf_done(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_is_always_text),
      cmocka_unit_test(the_maximum_is_exact),
      cmocka_unit_test(what_passes_the_maximum_is_dropped_whole),
      cmocka_unit_test(borrowed_memory_never_grows),
      cmocka_unit_test(no_memory_fails_the_buffer),
      cmocka_unit_test(members_get_their_commas),
      cmocka_unit_test(back_to_a_mark),
      cmocka_unit_test(every_integer),
      cmocka_unit_test(escapes),
      cmocka_unit_test(every_byte_comes_back),
      cmocka_unit_test(names_from_elsewhere_are_escaped_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
