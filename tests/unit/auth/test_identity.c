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
  for (int n = CG_ROLES_MAX; n <= CG_ROLES_MAX + 1; n++) {
    json_t *roles = json_array();
    for (int i = 0; i < n; i++) json_array_append_new(roles, json_string("r"));
    json_t *claims = json_pack("{s:s, s:o}", "sub", "a", "roles", roles);
    struct cg_err err = {0};
    struct cg_identity *id = cg_identity_new(claims, "roles", "sites", &err);
    assert_int_equal(id != NULL, n == CG_ROLES_MAX);
    assert_int_equal(err.code, id ? CG_OK : CG_E_UNAUTHENTICATED);
    cg_identity_unref(id);
    json_decref(claims);
  }
}

#define X16   "xxxxxxxxxxxxxxxx"
#define X64   X16 X16 X16 X16
#define X255  X64 X64 X64 X16 X16 X16 "xxxxxxxxxxxxxxx"
#define C(in) "{\"sub\":\"a\"," in "}"

/* A name is shown as well as it can be, whatever it is. */
static void nobody_is_refused_for_a_name(void **state) {
  (void)state;
  static const struct {
    const char *claims, *name;
  } rows[] = {
      {C("\"name\":\"Alice\""), "Alice"},
      {C("\"name\":\"Al\\tice\\r\\n\""), "Al ice  "},
      {C("\"name\":\"a\\u007f\\u0085b\""), "a  b"},
      {C("\"name\":\"" X255 "x\""), X255 "x"},
      {C("\"name\":\"" X255 "xy\""), X255 "x"},
      {C("\"name\":\"" X255 "\u00e4\""), X255},
      {C("\"name\":\"" X255 "\\ty\""), X255 " "},
      {C("\"name\":\"\""), ""},
      {C("\"name\":null"), ""},
      {C("\"name\":7"), ""},
      {C("\"name\":[\"Alice\"]"), ""},
      {C("\"x\":1"), ""},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_err err = {0};
    struct cg_identity *id = from(rows[i].claims, "roles", "sites", &err);
    if (!id) fail_msg("%s: %s", rows[i].claims, err.text);
    assert_string_equal(cg_identity_subject(id)->name, rows[i].name);
    cg_identity_unref(id);
  }
}

static void no_memory(void **state) {
  (void)state;
  json_t *claims = json_pack("{s:s}", "sub", "a");
  for (uint64_t n = 1; n <= 2; n++) {
    struct cg_err err = {0};
    cg_mem_fail_after(n);
    assert_null(cg_identity_new(claims, "roles", "sites", &err));
    assert_int_equal(err.code, CG_E_MEMORY);
  }
  json_decref(claims);
  cg_identity_unref(NULL);
}

/* A renewed token speaks for the same; another role, site, name or claim does not. */
static void the_same_still(void **state) {
  (void)state;
  static const char first[] =
      "{\"sub\":\"a\",\"roles\":[\"x\"],\"exp\":1,\"iat\":1,\"n\":{\"m\":[1,0.5]}}";
  static const struct {
    const char *claims, *roles, *sites;
    bool same;
  } rows[] = {
      {first, "roles", "sites", true},
      {"{\"n\":{\"m\":[1,0.5]},\"exp\":2,\"iat\":2,\"nbf\":2,\"jti\":\"j\","
       "\"roles\":[\"x\"],\"sub\":\"a\"}",
       "roles", "sites", true},
      {"{\"sub\":\"a\",\"roles\":[\"x\"],\"n\":{\"m\":[1,0.5]}}", "roles", "sites", true},
      {"{\"sub\":\"a\",\"roles\":[\"y\"],\"n\":{\"m\":[1,0.5]}}", "roles", "sites",
       false},
      {"{\"sub\":\"a\",\"roles\":[\"x\"],\"n\":{\"m\":[1,1.5]}}", "roles", "sites",
       false},
      {"{\"sub\":\"a\",\"roles\":[\"x\"]}", "roles", "sites", false},
      {"{\"sub\":\"a\",\"roles\":[\"x\"],\"n\":{\"m\":[1,0.5]},\"o\":null}", "roles",
       "sites", false},
      {"{\"sub\":\"a\",\"name\":\"A\",\"roles\":[\"x\"],\"n\":{\"m\":[1,0.5]}}", "roles",
       "sites", false},
      {first, "sub", "sites", false},
      {first, "roles", "sub", false},
  };
  struct cg_identity *a = from(first, "roles", "sites", NULL);
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_identity *b = from(rows[i].claims, rows[i].roles, rows[i].sites, NULL);
    if (cg_identity_same(a, b) != rows[i].same || cg_identity_same(b, a) != rows[i].same)
      fail_msg("%s", rows[i].claims);
    cg_identity_unref(b);
  }
  assert_true(cg_identity_same(a, a));
  assert_false(cg_identity_same(a, NULL));
  assert_false(cg_identity_same(NULL, a));
  assert_true(cg_identity_same(NULL, NULL));
  cg_identity_unref(a);
}

static void there_and_back_as_json(void **state) {
  (void)state;
  struct cg_identity *a = from("{\"sub\":\"a\",\"r\":{\"s\":[\"x\",\"\u00e4\\\"\"]},"
                               "\"big\":9007199254740993,\"real\":0.1}",
                               "r.s", "sites", NULL);
  struct cg_buf b;
  struct cg_err err = {0};
  cg_buf_init(&b, 1000);
  cg_json_open(&b, NULL, '{');
  assert_true(cg_identity_write(&b, "who", a));
  cg_json_close(&b, '}');
  json_t *json = cg_json_parse(cg_buf_text(&b), b.len, &err);
  struct cg_identity *back = cg_identity_read(json_object_get(json, "who"), &err);
  if (!back) fail_msg("%s: %s", err.text, cg_buf_text(&b));
  assert_true(cg_identity_same(a, back));
  assert_int_equal(cg_identity_subject(back)->roles.n, 2);
  cg_identity_unref(back);
  json_decref(json);
  cg_buf_done(&b);
  cg_buf_init(&b, 40); /* too little room */
  assert_false(cg_identity_write(&b, NULL, a));
  cg_buf_done(&b);
  cg_identity_unref(a);
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
      cmocka_unit_test(nobody_is_refused_for_a_name),
      cmocka_unit_test(no_memory),
      cmocka_unit_test(the_same_still),
      cmocka_unit_test(there_and_back_as_json),
      cmocka_unit_test(identities_travel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
