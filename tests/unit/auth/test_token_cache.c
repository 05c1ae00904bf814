/* Remembered tokens: how long, how many, and which one makes room. */
#include "auth/tokens.h"

#include "auth/token_cache.h"
#include "base/mem.h"

static struct cg_identity *someone(void) {
  json_t *claims = json_pack("{s:s}", "sub", "alice");
  struct cg_identity *id = cg_identity_new(claims, "roles", "sites", NULL);
  json_decref(claims);
  assert_non_null(id);
  return id;
}

/* A digest for a number; all of one bucket when `same`. */
static const unsigned char *digest(unsigned n, bool same) {
  static unsigned char d[CG_TOKEN_DIGEST];
  memset(d, 0, sizeof d);
  memcpy(d + (same ? 16 : 0), &n, sizeof n);
  return d;
}

static bool holds(struct cg_token_cache *c, unsigned n, bool same, int64_t now) {
  struct cg_identity *id = cg_token_cache_get(c, digest(n, same), now);
  cg_identity_unref(id);
  return id != NULL;
}

static void put(struct cg_token_cache *c, unsigned n, bool same, int64_t until) {
  struct cg_identity *id = someone();
  cg_token_cache_put(c, digest(n, same), id, until);
  cg_identity_unref(id);
}

static void what_was_put_is_found_until_it_is_over(void **state) {
  (void)state;
  struct cg_token_cache *c = cg_token_cache_new(4);
  assert_false(holds(c, 1, false, 0));
  put(c, 1, false, 100);
  assert_true(holds(c, 1, false, 99));
  assert_false(holds(c, 2, false, 99));
  assert_false(holds(c, 1, false, 100));
  assert_false(holds(c, 1, false, 0)); /* gone for good */
  cg_token_cache_free(c);
  cg_token_cache_free(NULL);
}

static void the_least_used_makes_room(void **state) {
  (void)state;
  for (int same = 0; same < 2; same++) {
    struct cg_token_cache *c = cg_token_cache_new(3);
    for (unsigned n = 1; n <= 3; n++) put(c, n, same, 100);
    assert_true(holds(c, 1, same, 0));
    put(c, 4, same, 100);
    assert_false(holds(c, 2, same, 0));
    assert_true(holds(c, 1, same, 0) && holds(c, 3, same, 0) && holds(c, 4, same, 0));
    cg_token_cache_free(c);
  }
}

static void one_entry_is_enough(void **state) {
  (void)state;
  struct cg_token_cache *c = cg_token_cache_new(1);
  for (unsigned n = 0; n < 5; n++) {
    put(c, n, false, 100);
    assert_true(holds(c, n, false, 0));
    assert_false(holds(c, n - 1, false, 0));
  }
  cg_token_cache_free(c);
}

static void the_same_token_takes_one_place(void **state) {
  (void)state;
  struct cg_token_cache *c = cg_token_cache_new(2);
  put(c, 1, false, 100);
  for (int i = 0; i < 5; i++) put(c, 2, false, 100 + i);
  assert_true(holds(c, 1, false, 0));
  assert_true(holds(c, 2, false, 103));
  cg_token_cache_free(c);
}

static void clear_forgets_and_identities_outlive_it(void **state) {
  (void)state;
  struct cg_token_cache *c = cg_token_cache_new(8);
  for (unsigned n = 0; n < 8; n++) put(c, n, n % 2, 100);
  struct cg_identity *kept = cg_token_cache_get(c, digest(0, false), 0);
  cg_token_cache_clear(c);
  for (unsigned n = 0; n < 8; n++) assert_false(holds(c, n, n % 2, 0));
  put(c, 9, false, 100);
  assert_true(holds(c, 9, false, 0));
  cg_token_cache_free(c);
  assert_string_equal(cg_identity_subject(kept)->id, "alice");
  cg_identity_unref(kept);
}

/* Against a plain list that does the same slowly. */
static void it_agrees_with_a_simple_model(void **state) {
  (void)state;
  enum { SIZE = 16, KEYS = 40 };
  struct cg_token_cache *c = cg_token_cache_new(SIZE);
  unsigned used[KEYS] = {0}, turn = 0, seed = 1;
  for (int step = 0; step < 20000; step++) {
    seed = seed * 1103515245 + 12345;
    unsigned key = seed / 65536 % KEYS, n = 0, oldest = KEYS;
    assert_int_equal(holds(c, key, key % 2, 0), used[key] != 0);
    if (!used[key]) put(c, key, key % 2, 100);
    used[key] = ++turn;
    for (unsigned i = 0; i < KEYS; i++) {
      n += used[i] != 0;
      if (used[i] && (oldest == KEYS || used[i] < used[oldest])) oldest = i;
    }
    if (n > SIZE) used[oldest] = 0;
  }
  cg_token_cache_free(c);
}

static void no_memory(void **state) {
  (void)state;
  for (uint64_t n = 1; n <= 2; n++) {
    cg_mem_fail_after(n);
    assert_null(cg_token_cache_new(4));
  }
  cg_mem_fail_after(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_put_is_found_until_it_is_over),
      cmocka_unit_test(the_least_used_makes_room),
      cmocka_unit_test(one_entry_is_enough),
      cmocka_unit_test(the_same_token_takes_one_place),
      cmocka_unit_test(clear_forgets_and_identities_outlive_it),
      cmocka_unit_test(it_agrees_with_a_simple_model),
      cmocka_unit_test(no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
