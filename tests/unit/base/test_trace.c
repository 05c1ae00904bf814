/* W3C Trace Context, level 1: what is a traceparent, and what is not. */
#include <stdbool.h>

#include "base/trace.h"
#include "test.h"

#define ID     "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void a_traceparent_is_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool sampled;
  } good[] = {{"00-" ID "-" PARENT "-01", true},
              {"00-" ID "-" PARENT "-00", false},
              {"00-" ID "-" PARENT "-ff", true},
              {"cc-" ID "-" PARENT "-02", false},
              {"cc-" ID "-" PARENT "-01-what-the-future-will-be", true}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct cg_trace t = {0};
    assert_true(cg_trace_parse(good[i].text, &t));
    assert_string_equal(t.id, ID);
    assert_int_equal(t.sampled, good[i].sampled);
  }
}

static void what_is_not_in_order_is_none(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "00",
      "ff-" ID "-" PARENT "-01",
      "0-" ID "-" PARENT "-001",
      "0x-" ID "-" PARENT "-01",
      "CC-" ID "-" PARENT "-01",
      "00-" ID "-" PARENT "-01-more",
      "00-" ID "-" PARENT "-01-",
      "00-" ID "-" PARENT "-01 ",
      " 00-" ID "-" PARENT "-01",
      "cc-" ID "-" PARENT "-01.more",
      "00-" ID "-" PARENT "-0",
      "00-" ID "-" PARENT "-0g",
      "00-" ID "-" PARENT,
      "00-" ID "_" PARENT "-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
      "00-00000000000000000000000000000000-" PARENT "-01",
      "00-" ID "-0000000000000000-01",
      "00-" ID "-00F067AA0BA902B7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473-" PARENT "0-01",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct cg_trace t = {0};
    if (cg_trace_parse(bad[i], &t)) fail_msg("\"%s\" is taken", bad[i]);
    assert_string_equal(t.id, "");
  }
}

static void what_is_written_is_read(void **state) {
  (void)state;
  char text[CG_TRACEPARENT_LEN + 1];
  struct cg_trace t = cg_trace_begin("0123456789abcdef0123456789ab"), again = {0};
  assert_string_equal(t.id, "00000123456789abcdef0123456789ab");
  cg_trace_format(&t, 0xfed, text);
  assert_string_equal(text, "00-00000123456789abcdef0123456789ab-0000000000000fed-00");
  assert_true(cg_trace_parse(text, &again));
  t.sampled = true;
  cg_trace_format(&t, UINT64_MAX, text);
  assert_true(cg_trace_parse(text, &again) && again.sampled);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_traceparent_is_read),
      cmocka_unit_test(what_is_not_in_order_is_none),
      cmocka_unit_test(what_is_written_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
