/* Failures per client address: their limit, their window, a flood of addresses. */
#include "auth/tokens.h"

#include "auth/budget.h"
#include "base/mem.h"

#define WINDOW 1000

static void an_address_has_its_limit_per_window(void **state) {
  (void)state;
  struct cg_budget *b = cg_budget_new(3, WINDOW);
  for (int i = 0; i < 3; i++) {
    assert_true(cg_budget_left(b, "192.0.2.1", 10));
    cg_budget_spend(b, "192.0.2.1", 10);
  }
  assert_false(cg_budget_left(b, "192.0.2.1", 10));
  assert_false(cg_budget_left(b, "192.0.2.1", 10 + WINDOW - 1));
  assert_true(cg_budget_left(b, "192.0.2.2", 10));
  assert_true(cg_budget_left(b, "192.0.2.1", 10 + WINDOW));
  cg_budget_spend(b, "192.0.2.1", 10 + WINDOW);
  assert_true(cg_budget_left(b, "192.0.2.1", 10 + WINDOW));
  cg_budget_free(b);
  cg_budget_free(NULL);
}

static void a_clock_that_goes_back_locks_nobody_out(void **state) {
  (void)state;
  struct cg_budget *b = cg_budget_new(1, WINDOW);
  cg_budget_spend(b, "192.0.2.1", 1000000);
  assert_true(cg_budget_left(b, "192.0.2.1", 5));
  cg_budget_free(b);
}

/* Which addresses are one client. */
static void addresses_of_one_client(void **state) {
  (void)state;
  static const struct {
    const char *spends, *asks;
    bool same;
  } rows[] = {
      {"192.0.2.1", "::ffff:192.0.2.1", true},
      {"::ffff:192.0.2.1", "192.0.2.1", true},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
      {"2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", true},
      {"2001:db8::1", "2001:db8:0:1::1", false},
      {"unix", "unix", true},
      {"unix", "other", false},
      {NULL, NULL, true},
      {"192.0.2.1", "192.0.2.2", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct cg_budget *b = cg_budget_new(1, WINDOW);
    cg_budget_spend(b, rows[i].spends, 10);
    assert_int_equal(cg_budget_left(b, rows[i].asks, 10), !rows[i].same);
    cg_budget_free(b);
  }
}

/* A flood of addresses with one failure each does not free the worst one. */
static void a_flood_does_not_wash_out_the_worst(void **state) {
  (void)state;
  struct cg_budget *b = cg_budget_new(5, WINDOW);
  for (int i = 0; i < 5; i++) cg_budget_spend(b, "192.0.2.1", 10);
  for (int i = 0; i < 100000; i++) {
    char addr[32];
    snprintf(addr, sizeof addr, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
    cg_budget_spend(b, addr, 10);
  }
  assert_false(cg_budget_left(b, "192.0.2.1", 10));
  cg_budget_free(b);
}

static void no_memory(void **state) {
  (void)state;
  cg_mem_fail_after(1);
  assert_null(cg_budget_new(1, 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_address_has_its_limit_per_window),
      cmocka_unit_test(a_clock_that_goes_back_locks_nobody_out),
      cmocka_unit_test(addresses_of_one_client),
      cmocka_unit_test(a_flood_does_not_wash_out_the_worst),
      cmocka_unit_test(no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
