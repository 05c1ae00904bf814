/* Arenas: alignment, the cap, the pool, an end on another thread. */
#include "base/arena.h"
#include "base/mem.h"
#include "test.h"

#define MIB ((size_t)1 << 20)

static void pieces_are_aligned_and_apart(void **state) {
  (void)state;
  struct cg_arena *a = cg_arena_new(NULL, MIB);
  unsigned char *pieces[500];
  for (size_t i = 0; i < 500; i++) {
    pieces[i] = cg_arena_alloc(a, i);
    assert_non_null(pieces[i]);
    assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
    memset(pieces[i], (int)(i & 0xff), i);
  }
  for (size_t i = 0; i < 500; i++)
    for (size_t j = 0; j < i; j++) assert_int_equal(pieces[i][j], i & 0xff);
  cg_arena_free(a, NULL);
}

static void large_pieces_do_not_spoil_the_block(void **state) {
  (void)state;
  struct cg_arena *a = cg_arena_new(NULL, MIB);
  char *small = cg_arena_strdup(a, "one");
  char *large = cg_arena_zalloc(a, 100000);
  assert_int_equal(large[99999], 0);
  uint64_t before = cg_mem_count();
  char *next = cg_arena_strdup(a, "two");
  assert_int_equal(cg_mem_count(), before);
  assert_string_equal(small, "one");
  assert_string_equal(next, "two");
  cg_arena_free(a, NULL);
}

static void the_cap_holds(void **state) {
  (void)state;
  struct cg_arena *a = cg_arena_new(NULL, 64 * 1024);
  size_t got = 0;
  while (cg_arena_alloc(a, 100)) got += 100;
  assert_in_range(got, 48 * 1024, 64 * 1024);
  assert_null(cg_arena_alloc(a, 60000));
  assert_null(cg_arena_alloc(a, SIZE_MAX));
  assert_null(cg_arena_alloc(a, SIZE_MAX - 8));
  assert_null(cg_arena_printf(a, "%2000d", 1));
  cg_arena_free(a, NULL);
}

static void a_steady_load_allocates_nothing(void **state) {
  (void)state;
  struct cg_arena_pool *pool = cg_arena_pool_new();
  uint64_t before = 0;
  for (int round = 0; round < 10; round++) {
    if (round == 1) before = cg_mem_count();
    struct cg_arena *a = cg_arena_new(pool, MIB);
    for (int i = 0; i < 100; i++) assert_non_null(cg_arena_alloc(a, 200));
    cg_arena_free(a, pool);
  }
  assert_int_equal(cg_mem_count(), before);
  cg_arena_pool_free(pool);
  cg_arena_pool_free(NULL);
}

static void the_pool_keeps_no_more_than_its_bound(void **state) {
  (void)state;
  struct cg_arena_pool *pool = cg_arena_pool_new();
  struct cg_arena *a = cg_arena_new(NULL, 4 * MIB);
  for (int i = 0; i < 300 * 8; i++) assert_non_null(cg_arena_alloc(a, 500));
  cg_arena_free(a, pool); /* 300 blocks and more come home, 256 stay */
  uint64_t before = cg_mem_count();
  struct cg_arena *many[257];
  for (int i = 0; i < 257; i++) many[i] = cg_arena_new(pool, MIB);
  assert_int_equal(cg_mem_count() - before, 1);
  for (int i = 0; i < 257; i++) cg_arena_free(many[i], NULL);
  cg_arena_pool_free(pool);
}

static void an_arena_may_end_at_another_worker(void **state) {
  (void)state;
  struct cg_arena_pool *here = cg_arena_pool_new(), *there = cg_arena_pool_new();
  struct cg_arena *a = cg_arena_new(here, MIB);
  cg_arena_free(a, there);
  uint64_t before = cg_mem_count();
  a = cg_arena_new(there, MIB);
  assert_int_equal(cg_mem_count(), before);
  cg_arena_free(a, here);
  cg_arena_pool_free(here);
  cg_arena_pool_free(there);
}

static void strings(void **state) {
  (void)state;
  struct cg_arena *a = cg_arena_new(NULL, MIB);
  assert_null(cg_arena_strdup(a, NULL));
  assert_string_equal(cg_arena_strndup(a, "abcdef", 3), "abc");
  assert_string_equal(cg_arena_printf(a, "%s-%d", "lobby", 1), "lobby-1");
  assert_int_equal(strlen(cg_arena_printf(a, "%9000d", 1)), 9000);
  cg_arena_free(a, NULL);
}

static void no_memory_is_null(void **state) {
  (void)state;
  cg_mem_fail_after(1);
  assert_null(cg_arena_pool_new());
  cg_mem_fail_after(1);
  assert_null(cg_arena_new(NULL, MIB));
  struct cg_arena *a = cg_arena_new(NULL, MIB);
  cg_mem_fail_after(1);
  assert_null(cg_arena_alloc(a, 50000));
  assert_non_null(cg_arena_alloc(a, 50000));
  cg_arena_free(a, NULL);
  cg_arena_free(NULL, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_are_aligned_and_apart),
      cmocka_unit_test(large_pieces_do_not_spoil_the_block),
      cmocka_unit_test(the_cap_holds),
      cmocka_unit_test(a_steady_load_allocates_nothing),
      cmocka_unit_test(the_pool_keeps_no_more_than_its_bound),
      cmocka_unit_test(an_arena_may_end_at_another_worker),
      cmocka_unit_test(strings),
      cmocka_unit_test(no_memory_is_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
