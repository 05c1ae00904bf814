/* Calls to a home: found or not, later, without memory, again and freed inside. */
#include "base/mem.h"
#include "lease/harness.h"
#include "lease/home.h"

static struct harness h;

static int set_up(void **state) {
  (void)state;
  harness_open(&h, "return allow {}");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  harness_close(&h);
  return 0;
}

struct visit {
  struct cg_home_call call;
  struct cg_lease *found;
  int n, more;
};

static void visit(struct cg_service *home, struct cg_lease *l, void *arg) {
  struct visit *v = arg;
  assert_ptr_equal(home, &h.service);
  v->found = l;
  v->n++;
  if (v->more-- > 0) cg_home_do(home, &v->call, v->call.lease_id, visit, v);
}

static void a_lease_is_found_at_its_home_and_later(void **state) {
  (void)state;
  struct cg_lease *l = harness_lease(&h, "alice", "lobby-1");
  struct visit v = {.n = 0};
  cg_home_do(&h.service, &v.call, l->id, visit, &v);
  assert_int_equal(v.n, 0);
  harness_run(&h);
  assert_int_equal(v.n, 1);
  assert_ptr_equal(v.found, l);
}

static void one_that_home_does_not_know_is_null(void **state) {
  (void)state;
  struct visit v = {.found = harness_lease(&h, "alice", "lobby-1")};
  struct cg_id id = cg_id_new(&h.service.ids, HARNESS_NOW, cg_home_of("alice"));
  cg_home_do(&h.service, &v.call, id.text, visit, &v);
  harness_run(&h);
  assert_int_equal(v.n, 1);
  assert_null(v.found);
}

static void the_way_needs_no_memory(void **state) {
  (void)state;
  struct cg_lease *l = harness_lease(&h, "alice", "lobby-1");
  struct visit v = {.n = 0};
  cg_mem_fail_from(1, UINT64_MAX - 1);
  cg_home_do(&h.service, &v.call, l->id, visit, &v);
  cg_loop_turn(h.loop);
  cg_mem_fail_after(0);
  assert_ptr_equal(v.found, l);
}

static void a_call_may_go_again_from_inside(void **state) {
  (void)state;
  struct cg_lease *l = harness_lease(&h, "alice", "lobby-1");
  struct visit v = {.more = 2};
  cg_home_do(&h.service, &v.call, l->id, visit, &v);
  harness_run(&h);
  assert_int_equal(v.n, 3);
}

static void free_it(struct cg_service *home, struct cg_lease *l, void *arg) {
  (void)home, (void)l;
  cg_free(arg);
}

static void a_call_may_be_freed_inside(void **state) {
  (void)state;
  struct cg_lease *l = harness_lease(&h, "alice", "lobby-1");
  struct cg_home_call *call = cg_alloc(sizeof *call);
  cg_home_do(&h.service, call, l->id, free_it, call);
  harness_run(&h);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_lease_is_found_at_its_home_and_later),
      TEST(one_that_home_does_not_know_is_null),
      TEST(the_way_needs_no_memory),
      TEST(a_call_may_go_again_from_inside),
      TEST(a_call_may_be_freed_inside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
