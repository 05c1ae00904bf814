/* Routes that must be refused at start, and connections counted by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/peers.h"
#include "http/route.h"

static void handle(struct cg_exchange *x) {
  cg_exchange_reply(x, 204, NULL, NULL, 0);
}

static bool accepted(const struct cg_route *first, const struct cg_route *second) {
  struct cg_err err = {0};
  const struct cg_route table[] = {*first, {0}}, other[] = {*second, {0}};
  const struct cg_route *tables[] = {table, other};
  struct cg_router *r = cg_router_new(tables, 2, &err);
  cg_router_free(r);
  assert_int_equal(r == NULL, err.text[0] != '\0');
  return r != NULL;
}

static bool accepts(const char *method, const char *path) {
  return accepted(&(struct cg_route){method, path, handle, 0}, &(struct cg_route){0});
}

static void test_bad_routes(void **state) {
  (void)state;
  assert_true(accepts("GET", "/a/{id}"));
  assert_true(accepts("GET", "/{id}"));
  assert_true(accepts("DELETE", "/"));
  assert_false(accepts("GET", "a"));
  assert_false(accepts("GET", ""));
  assert_false(accepts("GET", "/{}"));
  assert_false(accepts("GET", "/a{id}"));
  assert_false(accepts("GET", "/{id}/b"));
  assert_false(accepts("GET", "/{a}/{b}"));
  assert_false(accepts("GET", "/{a"));
  assert_false(accepts("BREW", "/"));
  assert_false(accepts("HEAD", "/")); /* comes with GET */
}

static void test_double_routes(void **state) {
  (void)state;
  struct cg_route get = {"GET", "/a", handle, 0}, post = {"POST", "/a", handle, 0};
  struct cg_route one = {"GET", "/a/{x}", handle, 0}, two = {"GET", "/a/{y}", handle, 0};
  assert_true(accepted(&get, &post));
  assert_true(accepted(&get, &one));
  assert_false(accepted(&get, &get));
  assert_false(accepted(&one, &two));
}

/* Against a plain array, through growth to the bound and back. */
static void test_peer_counts(void **state) {
  (void)state;
  enum { KEYS = 40 };
  uint32_t counts[KEYS] = {0}, seed = 1;
  struct cg_peers *p = cg_peers_new(32);
  for (int i = 0; i < 20000; i++) {
    seed = seed * 1664525 + 1013904223;
    uint32_t k = (seed >> 16) % KEYS;
    if (seed >> 31 && counts[k]) {
      cg_peers_drop(p, 1000 + k);
      counts[k]--;
    } else {
      assert_int_equal(cg_peers_add(p, 1000 + k), ++counts[k]);
    }
  }
  for (uint32_t k = 0; k < KEYS; k++)
    while (counts[k]--) cg_peers_drop(p, 1000 + k);
  uint32_t fit = 0;
  while (cg_peers_add(p, 1 + fit)) fit++;
  assert_int_equal(fit, 48); /* three quarters of 64 slots, then full */
  cg_peers_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bad_routes),
      cmocka_unit_test(test_double_routes),
      cmocka_unit_test(test_peer_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
