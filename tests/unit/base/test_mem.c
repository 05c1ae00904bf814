/* The allocator: counters, the nth failure, the reserve. */
#include "base/mem.h"
#include "test.h"

static void memory_is_zeroed(void **state) {
  (void)state;
  static const char zero[256];
  char *p = cg_alloc(sizeof zero);
  assert_memory_equal(p, zero, sizeof zero);
  memset(p, 1, sizeof zero);
  cg_free(p);
  cg_free(NULL);
}

static void nothing_asked_is_something_given(void **state) {
  (void)state;
  void *p = cg_alloc(0);
  assert_non_null(p);
  p = cg_realloc(p, 0);
  assert_non_null(p);
  cg_free(p);
}

static void strings_are_copied(void **state) {
  (void)state;
  char *copy = cg_strdup("north");
  assert_string_equal(copy, "north");
  cg_free_secret(copy);
  cg_free_secret(NULL);
}

static void the_nth_allocation_fails_once(void **state) {
  (void)state;
  for (uint64_t n = 1; n <= 5; n++) {
    cg_mem_fail_after(n);
    for (uint64_t i = 1; i <= 7; i++) {
      void *p = cg_alloc(8);
      assert_int_equal(p == NULL, i == n);
      cg_free(p);
    }
  }
  cg_mem_fail_after(1);
  assert_null(cg_strdup("x"));
  char *kept = cg_strdup("kept");
  cg_mem_fail_after(1);
  assert_null(cg_realloc(kept, 100));
  assert_string_equal(kept, "kept");
  cg_free(kept);
}

static void failures_are_counted(void **state) {
  (void)state;
  uint64_t before = cg_mem_failures();
  cg_free(cg_alloc(1));
  assert_int_equal(cg_mem_failures(), before);
  cg_mem_fail_after(1);
  assert_null(cg_alloc(1));
  assert_int_equal(cg_mem_failures(), before + 1);
}

static void firm_memory_comes_from_the_reserve(void **state) {
  (void)state;
  void *all[CG_FIRM_PIECES + 1];
  assert_true(cg_firm_ready());
  char *grown = memcpy(cg_firm_alloc(8), "firm me", 8);
  cg_mem_fail_from(1, UINT32_MAX);
  assert_null(cg_firm_alloc(CG_FIRM_BYTES + 1));
  assert_null(cg_firm_realloc(grown, CG_FIRM_BYTES + 1));
  grown = cg_firm_realloc(grown, 4000);
  assert_string_equal(grown, "firm me");
  int n = 0;
  while ((all[n] = cg_firm_alloc(100))) {
    assert_int_equal(((char *)all[n])[99], 0);
    assert_in_range(++n, 1, CG_FIRM_PIECES);
  }
  assert_int_equal(n, CG_FIRM_PIECES - 1);
  cg_mem_fail_after(0);
  cg_free(grown);
  while (n > 0) cg_free(all[--n]);
  assert_true(cg_firm_ready());
}

static void zero_disarms(void **state) {
  (void)state;
  cg_mem_fail_after(1);
  cg_mem_fail_after(0);
  void *p = cg_alloc(8);
  assert_non_null(p);
  cg_free(p);
}

static void allocations_are_counted(void **state) {
  (void)state;
  uint64_t before = cg_mem_count();
  cg_free(cg_alloc(8));
  cg_free(cg_strdup("x"));
  cg_free(cg_realloc(NULL, 8));
  assert_int_equal(cg_mem_count() - before, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_is_zeroed),
      cmocka_unit_test(nothing_asked_is_something_given),
      cmocka_unit_test(strings_are_copied),
      cmocka_unit_test(the_nth_allocation_fails_once),
      cmocka_unit_test(failures_are_counted),
      cmocka_unit_test(firm_memory_comes_from_the_reserve),
      cmocka_unit_test(zero_disarms),
      cmocka_unit_test(allocations_are_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
