/* A plugin of ABI 2.0 is given names of 200 bytes at most, and is none the wiser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "plugin/scope_names.h"

static const struct cgp_plugin old = {.abi_major = 2, .abi_minor = 0},
                               now = {.abi_major = 2, .abi_minor = 1};

static void names_that_fit_stay(void **state) {
  (void)state;
  char name[CGP_SCOPE_MAX + 1] = "", room[CG_SCOPE_NAME_2_0 + 1];
  memset(name, 'x', 200);
  assert_ptr_equal(cg_scope_name_for(&old, name, room), name);
  memset(name, 'x', CGP_SCOPE_MAX);
  assert_ptr_equal(cg_scope_name_for(&now, name, room), name);
}

static void longer_ones_are_told_apart(void **state) {
  (void)state;
  char a[CGP_SCOPE_MAX + 1] = "", b[CGP_SCOPE_MAX + 1] = "";
  char of_a[CG_SCOPE_NAME_2_0 + 1], of_b[CG_SCOPE_NAME_2_0 + 1];
  for (int i = 0; i < CGP_SCOPE_MAX; i += 2) memcpy(a + i, "\xc3\xa4", 2);
  memcpy(b, a, sizeof b);
  b[CGP_SCOPE_MAX - 1] = '\xb6';
  assert_ptr_equal(cg_scope_name_for(&old, a, of_a), of_a);
  assert_ptr_equal(cg_scope_name_for(&old, b, of_b), of_b);
  assert_true(strlen(of_a) <= 200 && cg_utf8_is(of_a, strlen(of_a)));
  assert_string_not_equal(of_a, of_b);
  memcpy(b, a, sizeof b);
  assert_string_equal(cg_scope_name_for(&old, b, of_b), of_a);
}

static const char *heard;

static void hear(void *arg, enum cgp_code code, const void *result, const char *text) {
  const struct cgp_quota_verdict *v = result;
  (void)text;
  assert_ptr_equal(arg, &heard);
  assert_int_equal(code, CGP_OK);
  heard = cg_strdup(v->scope);
  assert_int_equal(v->limit, 7);
}

static void a_refusal_names_what_was_asked_for(void **state) {
  (void)state;
  char long_name[CGP_SCOPE_MAX + 1] = "", kept[CGP_SCOPE_MAX + 1];
  memset(long_name, 'x', CGP_SCOPE_MAX);
  memcpy(kept, long_name, sizeof kept);
  const struct cgp_scope asked[] = {CGP_INIT(cgp_scope, false, "short", 1),
                                    CGP_INIT(cgp_scope, true, long_name, 7)};
  const struct cgp_scope *scopes = asked;
  cg_call_fn *fn = hear;
  void *arg = &heard;
  assert_true(cg_scope_names_for(&now, &scopes, 2, &cg_result_verdict, &fn, &arg));
  assert_ptr_equal(scopes, asked);
  assert_true(cg_scope_names_for(&old, &scopes, 2, &cg_result_verdict, &fn, &arg));
  assert_ptr_not_equal(scopes, asked);
  assert_string_equal(scopes[0].name, "short");
  assert_true(scopes[1].weighted && scopes[1].limit == 7);
  assert_true(strlen(scopes[1].name) <= 200);
  memset(long_name, 'y', CGP_SCOPE_MAX); /* it lives until the op returns */
  fn(arg, CGP_OK,
     &CGP_MAKE(cgp_quota_verdict, .scope = scopes[1].name, .limit = scopes[1].limit), "");
  assert_string_equal(heard, kept);
  union {
    const char *in;
    void *out;
  } given = {heard};
  cg_free(given.out);
}

static void without_memory_nothing_changes(void **state) {
  (void)state;
  char long_name[CGP_SCOPE_MAX + 1] = "";
  memset(long_name, 'x', CGP_SCOPE_MAX);
  const struct cgp_scope asked = CGP_INIT(cgp_scope, false, long_name, 1),
                         *scopes = &asked;
  cg_call_fn *fn = hear;
  void *arg = &heard;
  cg_mem_fail_after(1);
  assert_false(cg_scope_names_for(&old, &scopes, 1, &cg_result_none, &fn, &arg));
  assert_true(scopes == &asked && fn == hear && arg == &heard);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_that_fit_stay),
      cmocka_unit_test(longer_ones_are_told_apart),
      cmocka_unit_test(a_refusal_names_what_was_asked_for),
      cmocka_unit_test(without_memory_nothing_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
