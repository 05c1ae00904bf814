/* Codes and their words. */
#include "base/check.h"
#include "base/err.h"
#include "test.h"

static void every_code_has_its_words(void **state) {
  (void)state;
  for (int c = CG_OK; c < CG_CODE_COUNT; c++) {
    const struct cg_code_info *info = cg_code_info((enum cg_code)c);
    assert_in_range(info->status, 200, 599);
    assert_non_null(info->slug);
    assert_non_null(info->title);
    assert_null(strpbrk(info->title, "<>&\""));
    assert_null(strpbrk(info->meaning, "<>&\"")); /* they stand in pages as they are */
    assert_null(strpbrk(info->remedy, "<>&\""));
    assert_int_equal(strspn(info->slug, "abcdefghijklmnopqrstuvwxyz-"),
                     strlen(info->slug));
    for (int d = CG_OK; d < c; d++)
      assert_string_not_equal(cg_code_info((enum cg_code)d)->slug, info->slug);
  }
  assert_int_equal(cg_code_info(CG_E_QUOTA)->status, 409);
  assert_int_equal(cg_code_info(CG_E_MEMORY)->status, 503);
}

static void fail_fills_and_is_false(void **state) {
  (void)state;
  struct cg_err err = {0};
  assert_false(cg_fail(&err, CG_E_GONE, "lease %s, %d", "l1", 7));
  assert_int_equal(err.code, CG_E_GONE);
  assert_string_equal(err.text, "lease l1, 7");
  assert_false(cg_fail(NULL, CG_E_GONE, "nobody listens"));
}

static void long_words_are_cut(void **state) {
  (void)state;
  struct cg_err err;
  char text[2000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  cg_fail(&err, CG_E_INVALID, "%s", text);
  assert_int_equal(strlen(err.text), CG_ERR_TEXT_MAX - 1);
}

static void words_may_be_built_on_the_old_ones(void **state) {
  (void)state;
  struct cg_err err;
  cg_fail(&err, CG_E_INVALID, "bad tier");
  cg_fail(&err, err.code, "line 3: %s", err.text);
  assert_string_equal(err.text, "line 3: bad tier");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_code_has_its_words),
      cmocka_unit_test(fail_fills_and_is_false),
      cmocka_unit_test(long_words_are_cut),
      cmocka_unit_test(words_may_be_built_on_the_old_ones),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
