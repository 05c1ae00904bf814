/* What is read as terms is believed only if every member is of its form. */
#include "lease/some_terms.h"

static void every_truncation_is_refused(void **state) {
  (void)state;
  struct cg_buf whole = whole_facts();
  struct cgp_audit_row row = whole_row("");
  for (size_t cut = 0; cut <= whole.len; cut++) {
    char *facts = cg_alloc(cut + 1); /* so that a byte too far is seen */
    memcpy(facts, whole.data, cut);
    row.facts = facts;
    struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
    struct cg_lease_terms t;
    struct cg_err err = {0};
    bool ok = cg_terms_of_row(&row, &cg_tiers_default, arena, &t, &err);
    assert_int_equal(ok, cut == whole.len);
    assert_int_equal(err.code, ok ? CG_OK : CG_E_MALFORMED);
    if (ok) cg_identity_unref(t.identity);
    cg_arena_free(arena, NULL);
    cg_free(facts);
  }
  cg_buf_done(&whole);
}

/* What may stand in each member's place, of `odd`, and whether it may be absent. */
static const struct {
  const char *name, *accepts;
  bool optional;
} members[] = {
    {"version", "", false},  {"lease_id", "", false},
    {"holding", "", true},   {"subject", "", false},
    {"name", "", false},     {"camera", "s", false},
    {"room", "s", false},    {"quality", "", false},
    {"purpose", "es", true}, {"quality_requested", "es", true},
    {"ttl_s", "", true},     {"granted_at", "", false},
    {"ends_at", "", false},  {"scopes", "a", false},
    {"replaces", "a", true}, {"identity", "", true},
};

static void every_type_but_its_own_is_refused(void **state) {
  (void)state;
  static const struct {
    char kind;
    const char *text;
  } odd[] = {{'n', "null"},   {'b', "true"},      {'i', "0"},
             {'i', "-1"},     {'r', "1.5"},       {'e', "\"\""},
             {'s', "\"x\""},  {'a', "[]"},        {'o', "{}"},
             {'l', "[null]"}, {'l', "[\"x\"]"},   {'l', "[[]]"},
             {'l', "[{}]"},   {'m', "{\"x\":1}"}, {'i', "9223372036854775807"}};
  for (size_t m = 0; m < CG_COUNT(members); m++)
    for (size_t i = 0; i < CG_COUNT(odd); i++) {
      json_t *json = whole_json();
      json_t *value = json_loads(odd[i].text, JSON_DECODE_ANY, NULL);
      json_object_set_new(json, members[m].name, value);
      bool fits = strchr(members[m].accepts, odd[i].kind) != NULL;
      enum cg_code code = reading(json);
      if (code != (fits ? CG_OK : CG_E_MALFORMED))
        fail_msg("%s: %s: %d", members[m].name, odd[i].text, code);
      json_decref(json);
    }
}

static void what_is_needed_must_be_there(void **state) {
  (void)state;
  for (size_t m = 0; m < CG_COUNT(members); m++) {
    json_t *json = whole_json();
    assert_int_equal(json_object_del(json, members[m].name), 0);
    enum cg_code code = reading(json);
    if (code != (members[m].optional ? CG_OK : CG_E_MALFORMED))
      fail_msg("without %s: %d", members[m].name, code);
    json_decref(json);
  }
  assert_int_equal(reading(NULL), CG_E_MALFORMED);
}

static json_t *text_of(size_t n) {
  char text[1024];
  CG_CHECK(n < sizeof text);
  memset(text, 'x', n);
  text[n] = '\0';
  return json_string(text);
}

/* With one member changed: the code of reading it. */
static enum cg_code with(const char *member, json_t *value) {
  json_t *json = whole_json();
  json_object_set_new(json, member, value);
  enum cg_code code = reading(json);
  json_decref(json);
  return code;
}

static void lengths_are_bounded(void **state) {
  (void)state;
  static const struct {
    const char *member;
    size_t max;
  } rows[] = {{"camera", CGP_CAMERA_ID_MAX}, {"room", CG_ROOM_MAX - 1}, {"purpose", 800}};
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    assert_int_equal(with(rows[i].member, text_of(rows[i].max)), CG_OK);
    assert_int_equal(with(rows[i].member, text_of(rows[i].max + 1)), CG_E_MALFORMED);
    assert_int_equal(with(rows[i].member, json_string("a\nb")), CG_E_MALFORMED);
    assert_int_equal(with(rows[i].member, json_string("a\x7f")), CG_E_MALFORMED);
  }
  for (size_t n = 256; n <= 257; n++) {
    json_t *json = whole_json(); /* without an identity, which has bounds of its own */
    json_object_del(json, "identity");
    json_object_set_new(json, "subject", text_of(n));
    json_object_set_new(json, "name", text_of(n));
    assert_int_equal(reading(json), n == 256 ? CG_OK : CG_E_MALFORMED);
    json_decref(json);
  }
}

static json_t *scopes_of(size_t n, json_int_t limit, size_t name) {
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++) {
    json_t *text = text_of(name);
    char unique[1024];
    snprintf(unique, sizeof unique, "%.2zu%s", i, json_string_value(text) + 2);
    json_decref(text);
    json_array_append_new(list, json_pack("{s:s, s:I}", "name", unique, "limit", limit));
  }
  return list;
}

static void scopes_are_bounded(void **state) {
  (void)state;
  const json_int_t most = INT64_C(1) << 53;
  assert_int_equal(with("scopes", scopes_of(CG_SCOPES_MAX, most, CG_SCOPE_NAME_MAX)),
                   CG_OK);
  assert_int_equal(with("scopes", scopes_of(CG_SCOPES_MAX + 1, 1, 9)), CG_E_MALFORMED);
  assert_int_equal(with("scopes", scopes_of(1, most + 1, 9)), CG_E_MALFORMED);
  assert_int_equal(with("scopes", scopes_of(1, -1, 9)), CG_E_MALFORMED);
  assert_int_equal(with("scopes", scopes_of(1, 0, CG_SCOPE_NAME_MAX + 1)),
                   CG_E_MALFORMED);
  static const char *const bad[] = {
      "[{\"name\":\"a\"}]",
      "[{\"limit\":1}]",
      "[{\"name\":\"\",\"limit\":1}]",
      "[{\"name\":\"a\",\"limit\":\"1\"}]",
      "[{\"name\":\"a\",\"limit\":1.5}]",
      "[{\"name\":\"a\",\"limit\":1,\"kbps\":1}]",
      "[{\"name\":\"a\\u0001\",\"limit\":1}]",
      "[{\"name\":\"a\",\"limit\":1},{\"name\":\"a\",\"limit\":2}]",
  };
  for (size_t i = 0; i < CG_COUNT(bad); i++)
    if (with("scopes", json_loads(bad[i], 0, NULL)) != CG_E_MALFORMED)
      fail_msg("%s", bad[i]);
}

static void replaced_leases_are_bounded(void **state) {
  (void)state;
  for (size_t n = CG_REPLACE_MAX; n <= CG_REPLACE_MAX + 1; n++) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_string(OTHER_ID));
    assert_int_equal(with("replaces", list),
                     n == CG_REPLACE_MAX ? CG_OK : CG_E_MALFORMED);
  }
  assert_int_equal(with("lease_id", json_string("066169BF74C3F5518332CA98F128")),
                   CG_E_MALFORMED);
}

static void times_are_bounded(void **state) {
  (void)state;
  static const struct {
    const char *granted, *ends;
    bool ok;
  } rows[] = {
      {"2026-11-29T12:51:11.824885Z", "2026-11-29T12:51:11.824885Z", true},
      {"2026-11-29T12:51:11.824885Z", "2026-11-29T12:51:11.824884Z", false},
      {"2026-11-29T12:51:11Z", "2027-11-30T12:51:11Z", true},
      {"2026-11-29T12:51:11Z", "2027-11-30T12:51:12Z", false},
      {"1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", false},
      {"2026-11-29", "2026-11-29T12:51:11Z", false},
      {"2026-11-29T12:51:11Z", "soon", false},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    json_t *json = whole_json();
    json_object_set_new(json, "granted_at", json_string(rows[i].granted));
    json_object_set_new(json, "ends_at", json_string(rows[i].ends));
    assert_int_equal(reading(json), rows[i].ok ? CG_OK : CG_E_MALFORMED);
    json_decref(json);
  }
  const json_int_t longest = INT64_C(366) * 86400;
  assert_int_equal(with("ttl_s", json_integer(longest)), CG_OK);
  assert_int_equal(with("ttl_s", json_integer(longest + 1)), CG_E_MALFORMED);
}

static void tiers_must_be_known(void **state) {
  (void)state;
  assert_int_equal(with("quality", json_string("ultra")), CG_E_MALFORMED);
  assert_int_equal(with("quality", json_string("low")), CG_OK);
  assert_int_equal(with("quality_requested", json_string("ultra")), CG_OK);
}

static void other_versions_are_refused(void **state) {
  (void)state;
  assert_int_equal(with("version", json_integer(CG_TERMS_VERSION)), CG_OK);
  assert_int_equal(with("version", json_integer(CG_TERMS_VERSION + 1)), CG_E_MALFORMED);
  assert_int_equal(with("version", json_integer(CG_TERMS_VERSION - 1)), CG_E_MALFORMED);
}

/* The identity is the subject's, and passes what a token's claims must pass. */
static void identities_are_checked(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool ok;
  } rows[] = {
      {"{\"claims\":" CLAIMS ",\"roles_claim\":\"roles\",\"sites_claim\":\"s\"}", true},
      {"{\"claims\":" CLAIMS ",\"roles_claim\":\"name\",\"sites_claim\":\"s\"}", true},
      {"{\"claims\":" CLAIMS ",\"roles_claim\":\"exp\",\"sites_claim\":\"s\"}", false},
      {"{\"claims\":" CLAIMS ",\"roles_claim\":1,\"sites_claim\":\"s\"}", false},
      {"{\"claims\":" CLAIMS ",\"roles_claim\":\"roles\"}", false},
      {"{\"claims\":[],\"roles_claim\":\"roles\",\"sites_claim\":\"s\"}", false},
      {"{\"claims\":{\"sub\":\"bob\",\"name\":\"Alice\"},\"roles_claim\":\"roles\","
       "\"sites_claim\":\"s\"}",
       false},
      {"{\"claims\":{\"sub\":\"alice\",\"name\":\"Bob\"},\"roles_claim\":\"roles\","
       "\"sites_claim\":\"s\"}",
       false},
      {"{\"claims\":{\"sub\":1},\"roles_claim\":\"roles\",\"sites_claim\":\"s\"}", false},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++)
    if (with("identity", json_loads(rows[i].text, 0, NULL)) !=
        (rows[i].ok ? CG_OK : CG_E_MALFORMED))
      fail_msg("%s", rows[i].text);
}

int main(void) {
  json_set_alloc_funcs(cg_alloc, cg_free);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_truncation_is_refused),
      cmocka_unit_test(every_type_but_its_own_is_refused),
      cmocka_unit_test(what_is_needed_must_be_there),
      cmocka_unit_test(lengths_are_bounded),
      cmocka_unit_test(scopes_are_bounded),
      cmocka_unit_test(replaced_leases_are_bounded),
      cmocka_unit_test(times_are_bounded),
      cmocka_unit_test(tiers_must_be_known),
      cmocka_unit_test(other_versions_are_refused),
      cmocka_unit_test(identities_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
