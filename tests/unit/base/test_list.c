/* Lists of links: order, removal, moving the list. */
#include "base/check.h"
#include "base/list.h"
#include "test.h"

struct item {
  int n;
  struct cg_link link, other;
};

static struct item *item_of(struct cg_link *link) {
  return CG_CONTAINER(link, struct item, link);
}

/* Both ways, and ends that say so. */
static void assert_is(const struct cg_list *list, const int *want, size_t n) {
  struct cg_link *at = list->first, *before = NULL;
  for (size_t i = 0; i < n; i++) {
    assert_non_null(at);
    assert_int_equal(item_of(at)->n, want[i]);
    assert_ptr_equal(at->prev, before);
    before = at;
    at = at->next;
  }
  assert_null(at);
  assert_ptr_equal(list->last, before);
}

static void fill(struct cg_list *list, struct item items[3]) {
  for (int i = 0; i < 3; i++) {
    items[i] = (struct item){.n = i};
    cg_list_add(list, &items[i].link);
  }
}

static void items_stand_as_they_came(void **state) {
  (void)state;
  struct cg_list list = {0};
  struct item items[3];
  assert_is(&list, NULL, 0);
  fill(&list, items);
  assert_is(&list, (int[]){0, 1, 2}, 3);
}

static void any_item_can_leave_and_come_again(void **state) {
  (void)state;
  static const int left[3][2] = {{1, 2}, {0, 2}, {0, 1}};
  for (int gone = 0; gone < 3; gone++) {
    struct cg_list list = {0};
    struct item items[3];
    fill(&list, items);
    cg_list_remove(&list, &items[gone].link);
    assert_is(&list, left[gone], 2);
    cg_list_add(&list, &items[gone].link);
    assert_is(&list, (int[]){left[gone][0], left[gone][1], gone}, 3);
    while (list.first) cg_list_remove(&list, list.first);
    assert_is(&list, NULL, 0);
  }
}

static void a_list_may_be_moved(void **state) {
  (void)state;
  struct cg_list list = {0};
  struct item items[3];
  fill(&list, items);
  struct cg_list moved = list;
  list = (struct cg_list){0};
  cg_list_remove(&moved, &items[0].link);
  cg_list_add(&list, &items[0].link);
  assert_is(&moved, (int[]){1, 2}, 2);
  assert_is(&list, (int[]){0}, 1);
}

static void an_item_is_in_as_many_lists_as_it_has_links(void **state) {
  (void)state;
  struct cg_list all = {0}, some = {0};
  struct item items[3];
  fill(&all, items);
  cg_list_add(&some, &items[1].other);
  cg_list_remove(&all, &items[0].link);
  assert_ptr_equal(CG_CONTAINER(some.first, struct item, other), &items[1]);
  assert_is(&all, (int[]){1, 2}, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(items_stand_as_they_came),
      cmocka_unit_test(any_item_can_leave_and_come_again),
      cmocka_unit_test(a_list_may_be_moved),
      cmocka_unit_test(an_item_is_in_as_many_lists_as_it_has_links),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
