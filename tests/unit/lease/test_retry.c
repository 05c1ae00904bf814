/* What is asked of the quota and of the SFU until it succeeds: in groups, with one
 * pause. */
#include "base/mem.h"
#include "lease/harness.h"

static struct harness *open_one(void) {
  struct harness *h = cg_alloc(sizeof *h);
  harness_open(h, "return allow {}");
  return h;
}

static void close_one(struct harness *h) {
  harness_close(h);
  cg_free(h);
}

static int make(void **state) {
  *state = open_one();
  return 0;
}

static int drop(void **state) {
  close_one(*state);
  return 0;
}

static void assert_asked(struct harness *h, size_t times, const char *word,
                         const char *id) {
  char line[128];
  snprintf(line, sizeof line, "%s %s", word, id);
  assert_int_equal(stub_asked(h->stub, line), times);
}

static void the_quota_is_given_back_until_it_lapses_by_itself(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = cg_lease_ref(harness_lease(h, "alice", "lobby-1"));
  stub_next(h->stub, STUB_RELEASE, FAIL, 2);
  cg_lease_end(&h->service, l, CG_ENDED_RELEASED, "", NULL, NULL);
  harness_pass(h, SECOND);
  assert_asked(h, 3, "release", l->id);
  cg_give_back(&h->service, "a-holding");
  stub_next(h->stub, STUB_RELEASE, FAIL, 0);
  harness_pass(h, 90 * SECOND); /* lapse and beat */
  uint32_t calls = h->stub->n[STUB_RELEASE];
  harness_pass(h, 60 * SECOND);
  assert_int_equal(h->stub->n[STUB_RELEASE], calls);
  cg_lease_unref(l);
}

static void a_quota_that_does_not_answer_is_asked_again(void **state) {
  struct harness *h = *state;
  stub_next(h->stub, STUB_RELEASE, HOLD, 1);
  cg_give_back(&h->service, "a-holding");
  harness_pass(h, 2 * SECOND);
  assert_asked(h, 2, "release", "a-holding");
  stub_let_go(h->stub, STUB_RELEASE); /* late: nobody listens */
  harness_pass(h, SECOND);
  assert_asked(h, 2, "release", "a-holding");
}

static void an_sfu_that_is_away_costs_a_line_a_pause(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 136; i++) harness_lease(h, "alice", "lobby-1");
  stub_next(h->stub, STUB_REMOVE, FAIL, 0);
  harness_pass(h, 60 * SECOND);
  harness_pass(h, 25 * SECOND);
  assert_in_range(harness_lines(h, "not removed yet"), 5, 9);
  assert_true(h->stub->n[STUB_REMOVE] < 64);
  assert_true(harness_lines(h, "") < 20);
  stub_next(h->stub, STUB_REMOVE, NOW, 0);
  harness_pass(h, 11 * SECOND);
  assert_int_equal(cg_endings_open(h->service.endings), 0);
  for (size_t i = 0; i < 136; i++)
    assert_true(strstr(h->stub->trace, h->stub->rows[i].lease_id) != NULL);
}

static void at_most_so_many_are_put_out_at_once(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 136; i++) harness_lease(h, "alice", "lobby-1");
  stub_next(h->stub, STUB_REMOVE, HOLD, 0);
  harness_pass(h, 60 * SECOND + 50000);
  assert_int_equal(stub_holds(h->stub, STUB_REMOVE), 32);
  stub_next(h->stub, STUB_REMOVE, NOW, 0);
  while (stub_holds(h->stub, STUB_REMOVE)) stub_let_go(h->stub, STUB_REMOVE);
  harness_run(h);
  assert_int_equal(h->stub->n[STUB_REMOVE], 136);
}

static void one_that_cannot_be_put_out_does_not_keep_the_others_in(void **state) {
  struct harness *h = *state;
  cg_put_out(&h->service, "room", "first");
  stub_next(h->stub, STUB_REMOVE, FAIL, 1);
  cg_put_out(&h->service, "room", "second");
  harness_run(h);
  stub_next(h->stub, STUB_REMOVE, FAIL, 1);
  harness_pass(h, 2 * SECOND);
  assert_true(stub_asked(h->stub, "remove second") >= 1);
  assert_int_equal(cg_endings_open(h->service.endings), 0);
}

static void nobody_is_put_out_whose_token_is_over(void **state) {
  struct harness *h = *state;
  h->conf.token_s = 60;
  stub_next(h->stub, STUB_REMOVE, FAIL, 0);
  cg_put_out(&h->service, "room", "somebody");
  harness_pass(h, 62 * SECOND);
  uint32_t calls = h->stub->n[STUB_REMOVE];
  stub_next(h->stub, STUB_REMOVE, NOW, 0);
  harness_pass(h, 30 * SECOND);
  assert_int_equal(h->stub->n[STUB_REMOVE], calls);
}

int main(void) {
#define RETRY(test) cmocka_unit_test_setup_teardown(test, make, drop)
  const struct CMUnitTest tests[] = {
      RETRY(the_quota_is_given_back_until_it_lapses_by_itself),
      RETRY(a_quota_that_does_not_answer_is_asked_again),
      RETRY(an_sfu_that_is_away_costs_a_line_a_pause),
      RETRY(at_most_so_many_are_put_out_at_once),
      RETRY(one_that_cannot_be_put_out_does_not_keep_the_others_in),
      RETRY(nobody_is_put_out_whose_token_is_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
