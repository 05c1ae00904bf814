/* What a lease needs to live again: written, and read back from rows of either form. */
#include "lease/some_terms.h"

/* ---- there and back ---- */

static void assert_same(const struct cg_lease_terms *a, const struct cg_lease_terms *b) {
  assert_string_equal(a->id, b->id);
  assert_string_equal(a->holding, b->holding);
  assert_string_equal(a->subject, b->subject);
  assert_string_equal(a->name, b->name);
  assert_string_equal(a->camera, b->camera);
  assert_string_equal(a->room, b->room);
  assert_string_equal(a->purpose, b->purpose);
  assert_int_equal(a->tier, b->tier);
  assert_int_equal(a->requested, b->requested);
  assert_int_equal(a->ttl_s, b->ttl_s);
  assert_int_equal(a->granted_us, b->granted_us);
  assert_int_equal(a->ends_us, b->ends_us);
  assert_int_equal(a->n_scopes, b->n_scopes);
  for (size_t i = 0; i < a->n_scopes; i++) {
    assert_string_equal(a->scopes[i].name, b->scopes[i].name);
    assert_int_equal(a->scopes[i].limit, b->scopes[i].limit);
    assert_int_equal(a->scopes[i].weighted, b->scopes[i].weighted);
  }
  assert_int_equal(a->replaces.n, b->replaces.n);
  for (size_t i = 0; i < a->replaces.n; i++)
    assert_string_equal(a->replaces.items[i], b->replaces.items[i]);
  assert_true(cg_identity_same(a->identity, b->identity));
}

static void goes_there_and_back(const struct cg_lease_terms *t) {
  struct cg_buf first, second;
  struct cg_err err = {0};
  struct cg_lease_terms back;
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  cg_buf_init(&first, CG_FACTS_MAX);
  cg_buf_init(&second, CG_FACTS_MAX);
  cg_terms_write(&first, t, &cg_tiers_default);
  assert_true(cg_buf_ok(&first));
  json_t *json =
      cg_json_parse_deep(cg_buf_text(&first), first.len, CG_JSON_DEPTH + 2, &err);
  if (!json || !cg_terms_read(json, &cg_tiers_default, arena, &back, &err))
    fail_msg("%s: %s", err.text, cg_buf_text(&first));
  json_decref(json);
  assert_same(t, &back);
  cg_terms_write(&second, &back, &cg_tiers_default);
  assert_string_equal(cg_buf_text(&first), cg_buf_text(&second));
  cg_identity_unref(back.identity);
  cg_arena_free(arena, NULL);
  cg_buf_done(&first);
  cg_buf_done(&second);
}

static void every_member_comes_back(void **state) {
  (void)state;
  struct cg_identity *id = identity_of(CLAIMS);
  struct cg_lease_terms t = whole(id);
  goes_there_and_back(&t);
  cg_identity_unref(id);
}

static void what_was_not_said_comes_back_as_not_said(void **state) {
  (void)state;
  struct cg_lease_terms t = whole(NULL);
  t.holding = t.id;
  t.name = t.purpose = "";
  t.requested = CG_TIER_NONE;
  t.ttl_s = 0;
  t.n_scopes = t.replaces.n = 0;
  goes_there_and_back(&t);
}

/* Roles, sites and claims are there for a policy as the token had them. */
static void the_identity_is_whole(void **state) {
  (void)state;
  json_t *json = whole_json();
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  struct cg_lease_terms t;
  struct cg_err err;
  assert_true(cg_terms_read(json, &cg_tiers_default, arena, &t, &err));
  json_decref(json);
  const struct cg_subject *s = cg_identity_subject(t.identity);
  assert_string_equal(s->id, "alice");
  assert_string_equal(s->name, "Alice");
  assert_int_equal(s->roles.n, 1);
  assert_string_equal(s->roles.items[0], "operator");
  assert_int_equal(s->sites.n, 1);
  assert_string_equal(s->sites.items[0], "north");
  assert_int_equal(json_integer_value(json_object_get(s->claims, "clearance")), 3);
  assert_true(json_real_value(json_object_get(s->claims, "weight")) == 0.1);
  cg_identity_unref(t.identity);
  cg_arena_free(arena, NULL);
}

/* As deep as a token's claims may be. */
static void deep_claims_come_back(void **state) {
  (void)state;
  struct cg_buf claims;
  cg_buf_init(&claims, 128);
  cg_buf_puts(&claims, "{\"sub\":\"alice\",\"name\":\"Alice\",\"deep\":");
  for (int i = 1; i < CG_JSON_DEPTH; i++) cg_buf_puts(&claims, "[");
  for (int i = 1; i < CG_JSON_DEPTH; i++) cg_buf_puts(&claims, "]");
  cg_buf_puts(&claims, "}");
  struct cg_identity *id = identity_of(cg_buf_text(&claims));
  cg_buf_done(&claims);
  struct cg_lease_terms t = whole(id);
  goes_there_and_back(&t);
  cg_identity_unref(id);
}

static void a_leases_terms_are_its_own(void **state) {
  (void)state;
  struct cg_leases *leases = cg_leases_new(10);
  struct cg_identity *id = identity_of(CLAIMS);
  struct cg_lease *l =
      cg_lease_new(leases, ID, cg_identity_subject(id), "lobby-1", "", "");
  cg_lease_set_identity(l, id);
  assert_true(cg_lease_set_asked(l, "an \"incident\"", 600));
  assert_true(cg_lease_set_scopes(l, two_scopes, 2));
  snprintf(l->holding, sizeof l->holding, "%s", OTHER_ID);
  snprintf(l->room, sizeof l->room, "camera_lobby-1.low");
  l->tier = 0;
  l->requested = 1;
  struct cg_clock clock = cg_clock_fake(GRANTED);
  struct cg_teller teller;
  cg_teller_init(&teller, &clock);
  l->granted_mono_us = clock.fake_mono_us;
  l->ends_mono_us = clock.fake_mono_us + HOUR_US;
  struct cg_lease_terms t = cg_terms_of_lease(l, &teller), same = whole(id);
  same.replaces.n = 0;
  assert_same(&same, &t);
  cg_lease_unref(l);
  cg_leases_free(leases);
  cg_identity_unref(id);
}

/* ---- claims that do not fit ---- */

/* Whatever room there is: all of it, or all but the identity, or a buffer that failed. */
static void claims_that_do_not_fit_are_left_out(void **state) {
  (void)state;
  struct cg_identity *id = identity_of(CLAIMS);
  struct cg_lease_terms t = whole(id);
  size_t seen[3] = {0};
  for (size_t max = 1; max < 2000; max++) {
    struct cg_buf b;
    struct cg_err err = {0};
    cg_buf_init(&b, max);
    cg_json_open(&b, NULL, '{');
    cg_terms_write_for_row(&b, &t, &cg_tiers_default);
    cg_json_close(&b, '}');
    if (cg_buf_ok(&b)) {
      json_t *json = cg_json_parse(cg_buf_text(&b), b.len, &err);
      if (!json) fail_msg("max %zu: %s: %s", max, err.text, cg_buf_text(&b));
      json_t *terms = json_object_get(json, "terms");
      struct cgp_audit_row row = whole_row(cg_buf_text(&b));
      assert_int_equal(reading_row(&row), CG_OK);
      seen[json_object_get(terms, "identity") ? 2 : 1]++;
      json_decref(json);
    } else {
      assert_int_equal(seen[1] + seen[2], 0);
      seen[0]++;
    }
    cg_buf_done(&b);
  }
  assert_true(seen[0] > 100 && seen[1] > 100 && seen[2] > 100);
  cg_identity_unref(id);
}

/* The most that a token can hold, beside the most that all else can be. */
static void the_longest_of_everything(void **state) {
  (void)state;
  static char claims[CG_CLAIMS_MAX + 1], scopes[CG_SCOPES_MAX][CG_SCOPE_NAME_MAX + 1];
  struct cg_scope_ask asks[CG_SCOPES_MAX];
  int n =
      snprintf(claims, sizeof claims, "{\"sub\":\"alice\",\"name\":\"Alice\",\"l\":\"");
  memset(claims + n, '"', CG_CLAIMS_MAX - (size_t)n - 2);
  for (size_t i = (size_t)n; i < CG_CLAIMS_MAX - 3; i += 2) claims[i] = '\\';
  claims[CG_CLAIMS_MAX - 3] = 'x';
  memcpy(claims + CG_CLAIMS_MAX - 2, "\"}", 3);
  for (size_t i = 0; i < CG_SCOPES_MAX; i++) {
    memset(scopes[i], '"', CG_SCOPE_NAME_MAX);
    scopes[i][0] = (char)('A' + i);
    asks[i] = (struct cg_scope_ask){scopes[i], UINT64_C(1) << 53, true};
  }
  struct cg_identity *id = identity_of(claims);
  struct cg_lease_terms t = whole(id);
  t.scopes = asks;
  t.n_scopes = CG_SCOPES_MAX;
  goes_there_and_back(&t);
  cg_identity_unref(id);
}

/* ---- rows of the trail ---- */

/* As written before terms had a version: taken from a trail of that time. */
static struct cgp_audit_row earlier_row(const char *kind) {
  struct cgp_audit_row row = cg_row_blank(kind);
  bool change = strcmp(kind, "change") == 0;
  row.lease_id = "066169bf74c3f5518332ca98f128";
  row.subject = "alice";
  row.camera = "lobby-1";
  row.quality_requested = change ? "" : "medium";
  row.quality = "medium";
  row.outcome = "allow";
  row.reason = change ? "token renewed" : "";
  row.facts =
      change
          ? "{\"holding\":\"066169bf74bac75112f3f0f364f9\",\"name\":\"Alice\",\"room\":"
            "\"camera_lobby-1.medium\",\"granted_at\":\"2026-11-29T12:51:11.824885Z\","
            "\"ends_at\":\"2026-11-29T13:01:11.824885Z\",\"token_expires_at\":"
            "\"2026-11-29T13:01:10.000000Z\",\"scopes\":[{\"name\":\"user:alice\","
            "\"limit\":4}]}"
          : "{\"purpose\":\"patrol\",\"site\":\"north\",\"level\":1,\"policies\":"
            "{\"people\":\"allow\"},\"usage\":{},\"holding\":"
            "\"066169bf74bac75112f3f0f364f9\",\"name\":\"Alice\",\"room\":"
            "\"camera_lobby-1.medium\",\"granted_at\":\"2026-11-29T12:51:11.824885Z\","
            "\"ends_at\":\"2026-11-29T13:01:11.824885Z\",\"token_expires_at\":"
            "\"2026-11-29T13:01:10.000000Z\",\"replaces\":"
            "[\"066169bf74bac75112f3f0f364f9\"],\"scopes\":[{\"name\":\"user:alice\","
            "\"limit\":4}]}";
  return row;
}

static void rows_of_the_earlier_form_are_read(void **state) {
  (void)state;
  static const char *const kinds[] = {"decision", "change"};
  for (size_t i = 0; i < CG_COUNT(kinds); i++) {
    struct cgp_audit_row row = earlier_row(kinds[i]);
    struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
    struct cg_lease_terms t;
    struct cg_err err = {0};
    if (!cg_terms_of_row(&row, &cg_tiers_default, arena, &t, &err))
      fail_msg("%s", err.text);
    static const struct cg_scope_ask scope = {"user:alice", 4, false};
    struct cg_lease_terms want = {.id = "066169bf74c3f5518332ca98f128",
                                  .holding = "066169bf74bac75112f3f0f364f9",
                                  .subject = "alice",
                                  .name = "Alice",
                                  .camera = "lobby-1",
                                  .room = "camera_lobby-1.medium",
                                  .purpose = i == 0 ? "patrol" : "",
                                  .tier = 1,
                                  .requested = i == 0 ? 1 : CG_TIER_NONE,
                                  .granted_us = GRANTED,
                                  .ends_us = GRANTED + 600 * INT64_C(1000000),
                                  .scopes = &scope,
                                  .n_scopes = 1,
                                  .replaces = {one_id, i == 0 ? 1 : 0}};
    assert_same(&want, &t);
    cg_arena_free(arena, NULL);
  }
}

static void rows_of_the_earlier_form_are_checked(void **state) {
  (void)state;
  static const struct {
    size_t column;
    const char *text;
  } rows[] = {
      {offsetof(struct cgp_audit_row, lease_id), ""},
      {offsetof(struct cgp_audit_row, lease_id), "nonsense"},
      {offsetof(struct cgp_audit_row, subject), ""},
      {offsetof(struct cgp_audit_row, subject), "a\nb"},
      {offsetof(struct cgp_audit_row, camera), ""},
      {offsetof(struct cgp_audit_row, quality), ""},
      {offsetof(struct cgp_audit_row, quality), "ultra"},
      {offsetof(struct cgp_audit_row, facts), ""},
      {offsetof(struct cgp_audit_row, facts), "{}"},
      {offsetof(struct cgp_audit_row, facts), "[]"},
      {offsetof(struct cgp_audit_row, facts), "{\"terms\":null}"},
      {offsetof(struct cgp_audit_row, facts), "{\"terms\":[]}"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cgp_audit_row row = earlier_row("decision");
    memcpy((char *)&row + rows[i].column, &rows[i].text, sizeof rows[i].text);
    if (reading_row(&row) != CG_E_MALFORMED) fail_msg("row %zu", i);
  }
}

/* The columns say whose they are; the identity must be of the same subject. */
static void terms_belong_to_the_rows_subject(void **state) {
  (void)state;
  struct cg_buf facts = whole_facts();
  static const struct {
    const char *lease_id, *subject, *camera, *quality;
    enum cg_code code;
  } rows[] = {
      {ID, "alice", "lobby-1", "medium", CG_OK},
      {OTHER_ID, "alice", "lobby-2", "low", CG_OK},
      {"nonsense", "alice", "lobby-1", "medium", CG_E_MALFORMED},
      {ID, "bob", "lobby-1", "medium", CG_E_MALFORMED},
      {ID, "alice", "", "medium", CG_E_MALFORMED},
      {ID, "alice", "lobby-1", "ultra", CG_E_MALFORMED},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cgp_audit_row row = cg_row_blank("decision");
    row.lease_id = rows[i].lease_id;
    row.subject = rows[i].subject;
    row.camera = rows[i].camera;
    row.quality = rows[i].quality;
    row.facts = cg_buf_text(&facts);
    if (reading_row(&row) != rows[i].code) fail_msg("row %zu", i);
  }
  cg_buf_done(&facts);
}

/* ---- no memory ---- */

static void without_memory_nothing_is_half_read(void **state) {
  (void)state;
  struct cg_buf facts = whole_facts();
  struct cgp_audit_row rows[2] = {cg_row_blank("decision"), earlier_row("decision")};
  rows[0].lease_id = ID;
  rows[0].subject = "alice";
  rows[0].camera = "lobby-1";
  rows[0].quality = "medium";
  rows[0].facts = cg_buf_text(&facts);
  for (size_t i = 0; i < 2; i++) {
    uint64_t n = 1, before;
    enum cg_code code;
    do {
      struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
      struct cg_lease_terms t;
      struct cg_err err = {0};
      before = cg_mem_failures();
      cg_mem_fail_after(n++);
      if (cg_terms_of_row(&rows[i], &cg_tiers_default, arena, &t, &err))
        cg_identity_unref(t.identity);
      cg_mem_fail_after(0);
      code = err.code;
      cg_arena_free(arena, NULL);
      if (code != CG_OK) assert_int_equal(code, CG_E_MEMORY);
    } while (cg_mem_failures() != before);
    assert_int_equal(code, CG_OK);
    assert_true(n > 20);
  }
  cg_buf_done(&facts);
}

static void without_memory_nothing_is_half_written(void **state) {
  (void)state;
  struct cg_identity *id = identity_of(CLAIMS);
  struct cg_lease_terms t = whole(id);
  for (uint64_t n = 1; n < 8; n++) {
    struct cg_buf b;
    struct cg_err err;
    cg_buf_init(&b, CG_FACTS_MAX);
    cg_mem_fail_after(n);
    cg_terms_write(&b, &t, &cg_tiers_default);
    cg_mem_fail_after(0);
    json_t *json = cg_buf_ok(&b) ? cg_json_parse(b.data, b.len, &err) : NULL;
    if (cg_buf_ok(&b)) assert_int_equal(reading(json), CG_OK);
    json_decref(json);
    cg_buf_done(&b);
  }
  cg_identity_unref(id);
}

int main(void) {
  json_set_alloc_funcs(cg_alloc, cg_free);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_member_comes_back),
      cmocka_unit_test(what_was_not_said_comes_back_as_not_said),
      cmocka_unit_test(the_identity_is_whole),
      cmocka_unit_test(deep_claims_come_back),
      cmocka_unit_test(a_leases_terms_are_its_own),
      cmocka_unit_test(claims_that_do_not_fit_are_left_out),
      cmocka_unit_test(the_longest_of_everything),
      cmocka_unit_test(rows_of_the_earlier_form_are_read),
      cmocka_unit_test(rows_of_the_earlier_form_are_checked),
      cmocka_unit_test(terms_belong_to_the_rows_subject),
      cmocka_unit_test(without_memory_nothing_is_half_read),
      cmocka_unit_test(without_memory_nothing_is_half_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
