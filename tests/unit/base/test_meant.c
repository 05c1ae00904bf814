/* Texts that nobody can have meant, and those that look odd and are meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/meant.h"

static const struct {
  const char *text, *text_odd, *secret_odd; /* NULL: fine */
} rows[] = {
    {"", NULL, NULL},
    {"x", NULL, NULL},
    {"\"", NULL, NULL},
    {"a b", NULL, NULL},
    {"a\tb", "control", "control"},
    {"a\"b\"", NULL, NULL},
    {"<a>b", NULL, NULL},
    {"$1$x", NULL, NULL},
    {"Zürich", NULL, NULL},
    {"secret", NULL, "placeholder"},
    {"secretive", NULL, NULL},
    {"test", NULL, "placeholder"},
    {"your-256-bit-secret", "placeholder", "placeholder"},
    {"in-your-town", NULL, NULL},
    {"my-secret-of-32-bytes", NULL, "placeholder"},
    {"https://example.org", NULL, NULL},
    {"a\r", "carriage return", "carriage return"},
    {"a\n", "ends with a newline", "ends with a newline"},
    {"a\nb", "holds a newline", "holds a newline"},
    {"\ta", "blank", "blank"},
    {"a ", "blank", "blank"},
    {"a\xc2\xa0", "blank", "blank"},
    {"\xe2\x80\x8b"
     "a",
     "blank", "blank"},
    {"a\xe2\x80\xa8", "blank", "blank"}, /* LINE SEPARATOR */
    {"\xe2\x80\x83"
     "a",
     "blank", "blank"},                  /* EM SPACE */
    {"a\xc2\xad", "blank", "blank"},     /* SOFT HYPHEN */
    {"a\xef\xbb\xbf", "blank", "blank"}, /* BYTE ORDER MARK */
    {"\xe2\x80\x9d"
     "a\xe2\x80\x9d",
     "quotes", "quotes"},
    {"a\xe2\x80\x9f", NULL, NULL},
    {"a\x7f", "control", "control"},
    {"a\xc2\x85", "control", "control"},
    {"\xef\xbb\xbf"
     "a",
     "byte order mark", "byte order mark"},
    {"\"a\"", "quotes", "quotes"},
    {"''", "quotes", "quotes"},
    {"\xe2\x80\x9e"
     "a\xe2\x80\x9c",
     "quotes", "quotes"},
    {"<secret>", "placeholder", "placeholder"},
    {"${SECRET}", "placeholder", "placeholder"},
    {"$SECRET", "placeholder", "placeholder"},
    {"{{ secret }}", "placeholder", "placeholder"},
    {"ChangeMe-1", "placeholder", "placeholder"},
};

static void expect(const char *text, const char *odd, const char *part) {
  if ((odd != NULL) != (part != NULL) || (odd && !strstr(odd, part)))
    fail_msg("\"%s\": %s, not %s", text, odd ? odd : "fine", part ? part : "fine");
}

static void what_cannot_be_meant_is_told(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    size_t n = strlen(rows[i].text);
    expect(rows[i].text, cg_text_odd(rows[i].text, n), rows[i].text_odd);
    expect(rows[i].text, cg_secret_odd(rows[i].text, n), rows[i].secret_odd);
  }
}

static void a_file_is_known_by_its_mark(void **state) {
  (void)state;
  assert_null(cg_file_mark("", 0));
  assert_null(cg_file_mark("\xef\xbb", 2));
  assert_non_null(strstr(cg_file_mark("\xef\xbb\xbf{}", 5), "byte order mark"));
  assert_non_null(strstr(cg_file_mark("\xff\xfer", 3), "UTF-16"));
  assert_non_null(strstr(cg_file_mark("\xfe\xff", 2), "UTF-16"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_cannot_be_meant_is_told),
      cmocka_unit_test(a_file_is_known_by_its_mark),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
