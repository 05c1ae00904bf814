/* Claims to an identity, and its references across threads. */
#include "auth/tokens.h"

#include <pthread.h>

#include "auth/identity.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/schema.h"

static struct cg_identity *from(const char *text, const char *roles, const char *sites,
                                struct cg_err *err) {
  json_t *claims = cg_json_parse(text, strlen(text), err);
  assert_non_null(claims);
  struct cg_identity *id = cg_identity_new(claims, roles, sites, err);
  json_decref(claims);
  return id;
}

/* Where roles are found: the member of that very name first, then down its dots. */
static void paths(void **state) {
  (void)state;
  static const struct {
    const char *claims, *path, *first; /* first NULL: no roles */
  } rows[] = {
      {"{\"sub\":\"a\",\"roles\":[\"x\"]}", "roles", "x"},
      {"{\"sub\":\"a\",\"roles\":\"x\"}", "roles", "x"},
      {"{\"sub\":\"a\",\"r\":{\"roles\":[\"x\",\"y\"]}}", "r.roles", "x"},
      {"{\"sub\":\"a\",\"r\":{\"s\":{\"t\":[\"x\"]}}}", "r.s.t", "x"},
      {"{\"sub\":\"a\",\"r.roles\":[\"x\"],\"r\":{\"roles\":[\"y\"]}}", "r.roles", "x"},
      {"{\"sub\":\"a\",\"https://a.b/c\":[\"x\"]}", "https://a.b/c", "x"},
      {"{\"sub\":\"a\",\"r\":[\"x\"]}", "r.roles", NULL},
      {"{\"sub\":\"a\",\"r\":{\"other\":1}}", "r.roles", NULL},
      {"{\"sub\":\"a\",\"r\":{\"\":[\"x\"]}}", "r.", "x"},
      {"{\"sub\":\"a\"}", "", NULL},
      {"{\"sub\":\"a\"}", "...", NULL},
      {"{\"sub\":\"a\",\"roles\":[]}", "roles", NULL},
      {"{\"sub\":\"a\",\"roles\":null}", "roles", NULL},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_err err = {0};
    struct cg_identity *id = from(rows[i].claims, rows[i].path, rows[i].path, &err);
    if (!id) fail_msg("%s: %s", rows[i].claims, err.text);
    const struct cg_subject *s = cg_identity_subject(id);
    assert_int_equal(s->roles.n, s->sites.n);
    assert_int_equal(s->roles.n > 0, rows[i].first != NULL);
    if (rows[i].first) assert_string_equal(s->roles.items[0], rows[i].first);
    if (rows[i].first) assert_string_equal(s->sites.items[0], rows[i].first);
    cg_identity_unref(id);
  }
}

static void lists_are_bounded(void **state) {
  (void)state;
  for (int n = CG_IDENTITY_LIST_MAX; n <= CG_IDENTITY_LIST_MAX + 1; n++) {
    json_t *roles = json_array();
    for (int i = 0; i < n; i++) json_array_append_new(roles, json_string("r"));
    json_t *claims = json_pack("{s:s, s:o}", "sub", "a", "roles", roles);
    struct cg_err err = {0};
    struct cg_identity *id = cg_identity_new(claims, "roles", "sites", &err);
    assert_int_equal(id != NULL, n == CG_IDENTITY_LIST_MAX);
    assert_int_equal(err.code, id ? CG_OK : CG_E_UNAUTHENTICATED);
    cg_identity_unref(id);
    json_decref(claims);
  }
}

static void no_memory(void **state) {
  (void)state;
  json_t *claims = json_pack("{s:s}", "sub", "a");
  struct cg_err err = {0};
  cg_mem_fail_after(1);
  assert_null(cg_identity_new(claims, "roles", "sites", &err));
  assert_int_equal(err.code, CG_E_MEMORY);
  json_decref(claims);
  cg_identity_unref(NULL);
}

static void *read_and_let_go(void *arg) {
  struct cg_identity *id = arg;
  for (int i = 0; i < 1000; i++) {
    struct cg_identity *again = cg_identity_ref(id);
    CG_CHECK(json_is_string(json_object_get(cg_identity_subject(again)->claims, "sub")));
    cg_identity_unref(again);
  }
  cg_identity_unref(id);
  return NULL;
}

/* The last of four threads frees it, whichever that is. */
static void identities_travel(void **state) {
  (void)state;
  for (int round = 0; round < 20; round++) {
    struct cg_identity *id =
        from("{\"sub\":\"a\",\"roles\":[\"x\"]}", "roles", "s", NULL);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
      assert_int_equal(
          pthread_create(&threads[i], NULL, read_and_let_go, cg_identity_ref(id)), 0);
    cg_identity_unref(id);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paths),
      cmocka_unit_test(lists_are_bounded),
      cmocka_unit_test(no_memory),
      cmocka_unit_test(identities_travel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
