/* The table of leases: found by id and subject, ended once, remembered for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/identity.h"
#include "base/mem.h"
#include "lease/lease.h"

static const struct cg_subject alice = {.id = "alice", .name = "Alice"};
static const struct cg_subject bob = {.id = "bob", .name = ""};

static struct cg_lease *add(struct cg_leases *t, int n, const struct cg_subject *who) {
  char id[CG_ID_LEN + 1];
  snprintf(id, sizeof id, "%028x", (unsigned)n);
  struct cg_lease *l = cg_lease_new(t, id, who, "lobby-1", "", "");
  if (l) cg_lease_unref(l);
  return l;
}

static bool any(struct cg_lease *l, void *with) {
  (void)l;
  (void)with;
  return true;
}

static bool is_active(struct cg_lease *l, void *with) {
  (void)with;
  return l->state == CG_LEASE_ACTIVE;
}

static void found_by_id_and_by_subject(void **state) {
  (void)state;
  struct cg_leases *t = cg_leases_new(100);
  struct cg_lease *first = add(t, 1, &alice);
  struct cg_lease *second = add(t, 2, &alice);
  struct cg_lease *other = add(t, 3, &bob);
  assert_ptr_equal(cg_lease_find(t, first->id), first);
  assert_null(cg_lease_find(t, "ffffffffffffffffffffffffffff"));
  assert_ptr_equal(cg_lease_of(t, "alice", any, NULL), second);
  assert_ptr_equal(cg_lease_of(t, "bob", any, NULL), other);
  assert_null(cg_lease_of(t, "alice", is_active, NULL));
  first->state = CG_LEASE_ACTIVE;
  assert_ptr_equal(cg_lease_of(t, "alice", is_active, NULL), first);
  assert_null(cg_lease_of(t, "carol", any, NULL));
  cg_leases_free(t);
}

static void by_subject_only_what_has_not_ended(void **state) {
  (void)state;
  struct cg_leases *t = cg_leases_new(100);
  struct cg_lease *l[4];
  for (int i = 0; i < 4; i++) l[i] = add(t, i, &alice);
  cg_lease_bury(t, l[3], CG_ENDED_EXPIRED, "");
  assert_ptr_equal(cg_lease_of(t, "alice", any, NULL), l[2]);
  cg_lease_drop(t, l[1]); /* from the middle */
  l[0]->state = CG_LEASE_ACTIVE;
  assert_ptr_equal(cg_lease_of(t, "alice", is_active, NULL), l[0]);
  cg_lease_bury(t, l[0], CG_ENDED_EXPIRED, "");
  assert_ptr_equal(cg_lease_of(t, "alice", any, NULL), l[2]);
  cg_lease_bury(t, l[2], CG_ENDED_EXPIRED, "");
  assert_null(cg_lease_of(t, "alice", any, NULL));
  cg_lease_drop(t, l[0]);
  struct cg_lease *again = add(t, 9, &alice);
  assert_ptr_equal(cg_lease_of(t, "alice", any, NULL), again);
  cg_leases_free(t);
}

static void ends_once_and_leaves_a_tombstone(void **state) {
  (void)state;
  struct cg_leases *t = cg_leases_new(100);
  struct cg_lease *l = add(t, 1, &alice);
  assert_true(cg_lease_bury(t, l, CG_ENDED_EXPIRED, "no heartbeat"));
  assert_false(cg_lease_bury(t, l, CG_ENDED_RELEASED, ""));
  assert_int_equal(l->ended_by, CG_ENDED_EXPIRED);
  assert_string_equal(l->ended_reason, "no heartbeat");
  assert_ptr_equal(cg_lease_find(t, l->id), l);
  assert_int_equal(cg_leases_live(t), 0);
  assert_int_equal(cg_leases_in_all(t), 1);
  cg_lease_drop(t, l);
  assert_int_equal(cg_leases_in_all(t), 0);
  cg_leases_free(t);
}

static void tombstones_are_bounded_oldest_first(void **state) {
  (void)state;
  struct cg_leases *t = cg_leases_new(10);
  char first[CG_ID_LEN + 1] = "";
  for (int i = 0; i < CG_TOMBSTONES + 5; i++) {
    struct cg_lease *l = add(t, i, &alice);
    assert_non_null(l);
    if (i == 0) memcpy(first, l->id, sizeof first);
    cg_lease_bury(t, l, CG_ENDED_RELEASED, "");
  }
  assert_int_equal(cg_leases_in_all(t), CG_TOMBSTONES);
  assert_null(cg_lease_find(t, first));
  cg_leases_free(t);
}

static void the_table_is_bounded(void **state) {
  (void)state;
  struct cg_leases *t = cg_leases_new(3);
  struct cg_lease *l = NULL;
  for (int i = 0; i < 3; i++) assert_non_null(l = add(t, i, &alice));
  assert_true(cg_leases_full(t));
  struct cg_lease *more = add(t, 4, &bob); /* one that the trail knows comes back */
  assert_non_null(more);
  cg_lease_bury(t, l, CG_ENDED_RELEASED, ""); /* a tombstone takes no lease's place */
  assert_true(cg_leases_full(t));
  cg_lease_bury(t, more, CG_ENDED_RELEASED, "");
  assert_false(cg_leases_full(t));
  cg_leases_free(t);
}

static void a_reference_outlives_the_table_entry(void **state) {
  (void)state;
  struct cg_leases *t = cg_leases_new(3);
  struct cg_lease *l = cg_lease_ref(add(t, 1, &alice));
  cg_lease_drop(t, l);
  assert_string_equal(l->subject, "alice");
  cg_lease_drop(t, l); /* not there any more: nothing */
  cg_lease_unref(l);
  cg_leases_free(t);
}

static void scopes_are_the_leases_own(void **state) {
  (void)state;
  struct cg_leases *t = cg_leases_new(3);
  struct cg_lease *l = add(t, 1, &alice);
  char name[] = "user:alice";
  struct cg_scope_ask two[] = {{name, 4, false}, {"uplink:north", 50000, true}};
  assert_true(cg_lease_set_scopes(l, two, 2));
  assert_true(cg_lease_same_scopes(l, two, 2));
  name[0] = 'X';
  assert_true(cg_lease_holds(l, "user:alice"));
  assert_false(cg_lease_same_scopes(l, two, 2));
  assert_false(cg_lease_same_scopes(l, two, 1));
  assert_true(cg_lease_set_scopes(l, NULL, 0));
  assert_false(cg_lease_holds(l, "user:alice"));
  cg_leases_free(t);
}

/* An ended lease keeps neither the claims nor a name that borrows from them. */
static void identities_are_counted(void **state) {
  (void)state;
  struct cg_leases *t = cg_leases_new(3);
  struct cg_lease *l = add(t, 1, &alice);
  const char *const names[] = {"Alice", "Alice B"};
  assert_string_equal(l->name, "Alice");
  for (size_t i = 0; i < 2; i++) {
    json_t *claims = json_pack("{s:s, s:s}", "sub", "alice", "name", names[i]);
    struct cg_identity *id = cg_identity_new(claims, "roles", "sites", NULL);
    json_decref(claims);
    cg_lease_set_identity(l, id);
    cg_identity_unref(id);
    assert_string_equal(l->name, names[i]);
  }
  cg_lease_set_identity(l, l->identity); /* the same again */
  assert_string_equal(l->name, "Alice B");
  cg_lease_bury(t, l, CG_ENDED_RELEASED, "");
  assert_null(l->identity);
  assert_string_equal(l->name, "");
  cg_leases_free(t);
}

static void what_was_asked_is_the_leases_own(void **state) {
  (void)state;
  struct cg_leases *t = cg_leases_new(3);
  struct cg_lease *l = add(t, 1, &alice);
  char purpose[] = "incident";
  assert_true(cg_lease_set_asked(l, "", 0));
  assert_null(l->purpose);
  assert_true(cg_lease_set_asked(l, purpose, 600));
  purpose[0] = 'X';
  assert_string_equal(l->purpose, "incident");
  assert_int_equal(l->asked_ttl_s, 600);
  cg_mem_fail_after(1);
  assert_false(cg_lease_set_asked(l, purpose, 600));
  cg_mem_fail_after(0);
  cg_leases_free(t);
}

static void rooms_carry_the_tier_below_the_top(void **state) {
  (void)state;
  char room[CG_ROOM_MAX];
  cg_lease_room(&cg_tiers_default, "lobby-1", 2, room);
  assert_string_equal(room, "camera_lobby-1");
  cg_lease_room(&cg_tiers_default, "lobby-1", 0, room);
  assert_string_equal(room, "camera_lobby-1.low");
}

static void no_memory_is_a_refusal(void **state) {
  (void)state;
  for (uint64_t n = 1; n <= 3; n++) {
    cg_mem_fail_after(n);
    struct cg_leases *t = cg_leases_new(3);
    cg_mem_fail_after(0);
    assert_null(t);
  }
  struct cg_leases *t = cg_leases_new(3);
  for (uint64_t n = 1; n <= 2; n++) {
    cg_mem_fail_after(n);
    assert_null(add(t, 1, &alice));
    cg_mem_fail_after(0);
    assert_null(cg_lease_of(t, "alice", any, NULL));
  }
  assert_int_equal(cg_leases_in_all(t), 0);
  cg_leases_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(found_by_id_and_by_subject),
      cmocka_unit_test(by_subject_only_what_has_not_ended),
      cmocka_unit_test(ends_once_and_leaves_a_tombstone),
      cmocka_unit_test(tombstones_are_bounded_oldest_first),
      cmocka_unit_test(the_table_is_bounded),
      cmocka_unit_test(a_reference_outlives_the_table_entry),
      cmocka_unit_test(scopes_are_the_leases_own),
      cmocka_unit_test(identities_are_counted),
      cmocka_unit_test(what_was_asked_is_the_leases_own),
      cmocka_unit_test(rooms_carry_the_tier_below_the_top),
      cmocka_unit_test(no_memory_is_a_refusal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
