/* JSON against a table of fields: defaults, every error with its place. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/schema.h"
#include "test.h"

struct body {
  const char *camera, *quality, *purpose;
  int64_t ttl;
  bool force;
  struct cg_strings replace;
  json_t *extra;
  int64_t port;
};

static const char *const qualities[] = {"low", "medium", "high", NULL};

static const struct cg_field net[] = {
    {"port", CG_INT, true, 1, 65535, offsetof(struct body, port), "", NULL, NULL, 0},
    {0},
};

static const struct cg_field fields[] = {
    {"camera_id", CG_STRING, true, 1, 8, offsetof(struct body, camera), "", NULL, NULL,
     0},
    {"quality", CG_STRING, false, 1, 32, offsetof(struct body, quality), "", qualities,
     NULL, NULL},
    {"purpose", CG_TEXT, false, 0, 4, offsetof(struct body, purpose), "", NULL, NULL, 0},
    {"ttl_s", CG_INT, false, 10, 86400, offsetof(struct body, ttl), "", NULL, NULL, 0},
    {"force", CG_BOOL, false, 0, 0, offsetof(struct body, force), "", NULL, NULL, 0},
    {"replace", CG_STRINGS, false, 0, 3, offsetof(struct body, replace), "", NULL, NULL,
     0},
    {"extra", CG_OBJECT, false, 0, 0, offsetof(struct body, extra), "", NULL, NULL, 0},
    {"net", CG_TABLE, false, 0, 0, 0, "", NULL, net, NULL},
    {0},
};

struct fixture {
  struct cg_arena *arena;
  struct body body;
  struct cg_field_errors errs;
  json_t *json;
};

static int setup(void **state) {
  static struct fixture f;
  f = (struct fixture){.arena = cg_arena_new(NULL, 1 << 20)};
  *state = &f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  json_decref(f->json);
  cg_arena_free(f->arena, NULL);
  return 0;
}

static bool check(struct fixture *f, const char *text) {
  struct cg_err err = {0};
  json_decref(f->json);
  f->json = cg_json_parse(text, strlen(text), &err);
  if (!f->json) fail_msg("%s: %s", text, err.text);
  memset(&f->errs, 0, sizeof f->errs);
  return cg_schema_check(fields, f->json, "", &f->body, f->arena, &f->errs);
}

static void a_good_body_fills_its_struct(void **state) {
  struct fixture *f = *state;
  assert_true(check(f, "{\"camera_id\":\"lobby-1\",\"quality\":\"low\",\"ttl_s\":60,"
                       "\"force\":true,\"replace\":[\"a\",\"b\"],\"extra\":{\"x\":[1]},"
                       "\"net\":{\"port\":8090}}"));
  assert_int_equal(f->errs.n, 0);
  assert_string_equal(f->body.camera, "lobby-1");
  assert_string_equal(f->body.quality, "low");
  assert_int_equal(f->body.ttl, 60);
  assert_true(f->body.force);
  assert_int_equal(f->body.replace.n, 2);
  assert_string_equal(f->body.replace.items[1], "b");
  assert_true(json_is_object(f->body.extra));
  assert_int_equal(f->body.port, 8090);
}

/* As JSON Schema counts: four characters of ten bytes, a real number that is whole. */
static void characters_and_whole_numbers(void **state) {
  struct fixture *f = *state;
  assert_true(check(f, "{\"camera_id\":\"x\",\"purpose\":\"a\\u20acb\\ud83d\\ude00\","
                       "\"ttl_s\":6.1e1}"));
  assert_string_equal(f->body.purpose, "a\xe2\x82\xac"
                                       "b\xf0\x9f\x98\x80");
  assert_int_equal(f->body.ttl, 61);
}

static void absent_and_null_keep_the_default(void **state) {
  struct fixture *f = *state;
  f->body.ttl = 3600;
  assert_true(check(f, "{\"camera_id\":\"x\",\"ttl_s\":null}"));
  assert_int_equal(f->body.ttl, 3600);
  assert_null(f->body.quality);
}

/* One wrong thing each: its pointer, and a part of its words. */
static void every_error_has_place_and_words(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *body, *pointer, *words;
  } rows[] = {
      {"{}", "/camera_id", "required"},
      {"{\"camera_id\":null}", "/camera_id", "required"},
      {"{\"camera_id\":7}", "/camera_id", "must be a string, is a whole number"},
      {"{\"camera_id\":\"\"}", "/camera_id", "1 to 8 bytes"},
      {"{\"camera_id\":\"123456789\"}", "/camera_id", "1 to 8 bytes, is 9"},
      {"{\"camera_id\":\"a\\u0001\"}", "/camera_id", "control"},
      {"{\"camera_id\":\"a\\u007f\"}", "/camera_id", "control"},
      {"{\"camera_id\":\"a\\u0085\"}", "/camera_id", "control"},
      {"{\"camera_id\":\"x\",\"quality\":\"hihg\"}", "/quality", "did you mean high?"},
      {"{\"camera_id\":\"x\",\"quality\":\"zzzzzz\"}", "/quality", "low, medium, high"},
      {"{\"camera_id\":\"x\",\"purpose\":\"a\\u20acb\\u20acc\"}", "/purpose",
       "0 to 4 characters, is 5"},
      {"{\"camera_id\":\"x\",\"ttl_s\":9}", "/ttl_s", "10 to 86400, is 9"},
      {"{\"camera_id\":\"x\",\"ttl_s\":86401}", "/ttl_s", "10 to 86400"},
      {"{\"camera_id\":\"x\",\"ttl_s\":10.5}", "/ttl_s", "is a number that is not whole"},
      {"{\"camera_id\":\"x\",\"ttl_s\":1e300}", "/ttl_s",
       "is a number that is not whole"},
      {"{\"camera_id\":\"x\",\"ttl_s\":9.0}", "/ttl_s", "10 to 86400, is 9"},
      {"{\"camera_id\":\"x\",\"ttl_s\":\"10\"}", "/ttl_s", "is a string"},
      {"{\"camera_id\":\"x\",\"force\":1}", "/force", "true or false"},
      {"{\"camera_id\":\"x\",\"replace\":\"a\"}", "/replace", "array of strings"},
      {"{\"camera_id\":\"x\",\"replace\":[\"a\",1]}", "/replace", "number 2 of"},
      {"{\"camera_id\":\"x\",\"replace\":[\"\"]}", "/replace", "1 to 256"},
      {"{\"camera_id\":\"x\",\"replace\":[\"a\\n\"]}", "/replace", "control"},
      {"{\"camera_id\":\"x\",\"replace\":[\"a\",\"b\",\"c\",\"d\"]}", "/replace",
       "0 to 3 elements"},
      {"{\"camera_id\":\"x\",\"extra\":[]}", "/extra", "must be an object"},
      {"{\"camera_id\":\"x\",\"net\":true}", "/net", "must be an object, is true"},
      {"{\"camera_id\":\"x\",\"net\":{}}", "/net/port", "required"},
      {"{\"camera_id\":\"x\",\"net\":{\"port\":0}}", "/net/port", "1 to 65535"},
      {"{\"camera_id\":\"x\",\"net\":{\"port\":1,\"prot\":1}}", "/net/prot", "\"port\""},
      {"{\"camera_id\":\"x\",\"camera\":1}", "/camera", "unknown"},
      {"{\"camera_id\":\"x\",\"camra_id\":1}", "/camra_id", "mean \"camera_id\"?"},
      {"{\"camera_id\":\"x\",\"a/b~c\":1}", "/a~1b~0c", "unknown"},
      {"[1]", "", "must be an object, is an array"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    assert_false(check(f, rows[i].body));
    assert_int_equal(f->errs.n, 1);
    assert_string_equal(f->errs.items[0].pointer, rows[i].pointer);
    if (!strstr(f->errs.items[0].text, rows[i].words))
      fail_msg("%s: %s", rows[i].body, f->errs.items[0].text);
  }
}

static void all_errors_are_told(void **state) {
  struct fixture *f = *state;
  assert_false(
      check(f, "{\"quality\":1,\"ttl_s\":true,\"net\":{\"port\":\"x\"},\"u\":0}"));
  assert_int_equal(f->errs.n, 5);
}

static void errors_are_bounded(void **state) {
  struct fixture *f = *state;
  char text[4096] = "{\"camera_id\":\"x\"";
  for (int i = 0; i < 100; i++) {
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, ",\"zzzzzzzzz%d\":1", i);
  }
  text[strlen(text)] = '}';
  assert_false(check(f, text));
  assert_int_equal(f->errs.n, 100);
  assert_non_null(f->errs.items[CG_FIELD_ERRORS_MAX - 1].text);
}

static void long_names_are_cut_not_overrun(void **state) {
  struct fixture *f = *state;
  char text[4096] = "{\"camera_id\":\"x\",\"";
  size_t n = strlen(text);
  memset(text + n, '/', 3000);
  memcpy(text + n + 3000, "\":1}", 5);
  assert_false(check(f, text));
  assert_in_range(strlen(f->errs.items[0].pointer), 500, 512);
}

static void no_memory_is_an_error_of_the_field(void **state) {
  struct fixture *f = *state;
  static const char text[] = "{\"camera_id\":\"lobby\"}";
  struct cg_arena *small = cg_arena_new(NULL, 1);
  while (cg_arena_alloc(small, 1)) {
  }
  f->json = cg_json_parse(text, strlen(text), NULL);
  assert_false(cg_schema_check(fields, f->json, "", &f->body, small, &f->errs));
  assert_int_equal(f->errs.n, 1);
  assert_non_null(f->errs.items[0].text);
  assert_non_null(f->errs.items[0].pointer);
  assert_null(f->body.camera);
  cg_arena_free(small, NULL);
}

static void the_nearest_name(void **state) {
  (void)state;
  static const char *const names[] = {"workers", "port", "admin_port", "policies"};
  static const struct {
    const char *word, *near;
  } rows[] = {{"worker", "workers"},
              {"prot", "port"},
              {"policys", "policies"},
              {"adminport", "admin_port"},
              {"zzz", NULL},
              {"", NULL},
              {"x", NULL},
              {"portfolio", NULL}};
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    const char *near = cg_nearest(rows[i].word, names, CG_COUNT(names));
    if (rows[i].near)
      assert_string_equal(near, rows[i].near);
    else
      assert_null(near);
  }
  char text[1000];
  memset(text, 'w', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  assert_null(cg_nearest(text, names, CG_COUNT(names)));
}

static void json_is_refused_in_words(void **state) {
  (void)state;
  static const struct {
    const char *text, *words;
  } rows[] = {
      {"", "line 1"},
      {"{", "line 1"},
      {"{\"a\":1,\"a\":2}", "duplicate"},
      {"{\"a\":\"\\u0000\"}", "\\u0000"},
      {"{\"\\u0000\":1}", "\\u0000"},
      {"{\"a\":\n nope}", "line 2"},
      {"\"text\"", "line 1"},
      {"{} {}", "line 1"},
      {"[99999999999999999999]", "line 1"},
      {"{\"a\":\"\xff\"}", "line 1"},
      {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "deeper than 16"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_err err = {0};
    assert_null(cg_json_parse(rows[i].text, strlen(rows[i].text), &err));
    assert_int_equal(err.code, CG_E_MALFORMED);
    if (!strstr(err.text, rows[i].words)) fail_msg("%s: %s", rows[i].text, err.text);
  }
  struct cg_err err = {0};
  assert_null(cg_json_parse("{\"a\":1\0}", 8, &err));
  assert_null(cg_json_parse("{}\0", 3, &err));
}

static void json_within_its_bounds_is_read(void **state) {
  (void)state;
  static const char *const rows[] = {"{}", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
                                     "[\"[[[[[[[[[[[[[[[[[[[[\"]",
                                     "[\"\\\"[[[[[[[[[[[[[[[[[[[[\"]",
                                     "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"};
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    json_t *json = cg_json_parse(rows[i], strlen(rows[i]), NULL);
    assert_non_null(json);
    json_decref(json);
  }
}

/* Nor is a text that lost letters called read: it grows while it is scanned. */
static void json_without_memory_is_neither_malformed_nor_changed(void **state) {
  (void)state;
  char text[256], value[200];
  memset(value, 'v', sizeof value - 1);
  value[sizeof value - 1] = '\0';
  snprintf(text, sizeof text, "{\"a\":[1,2.5,{\"b\":\"%s\"}]}", value);
  json_set_alloc_funcs((json_malloc_t)cg_alloc, cg_free);
  json_t *json = NULL;
  for (uint64_t n = 1; !json; n++) {
    struct cg_err err = {0};
    cg_mem_fail_after(n);
    json = cg_json_parse(text, strlen(text), &err);
    assert_true(json || err.code == CG_E_MEMORY);
    assert_in_range(n, 1, 100);
  }
  cg_mem_fail_after(0);
  json_t *b = json_object_get(json_array_get(json_object_get(json, "a"), 2), "b");
  assert_string_equal(json_string_value(b), value);
  json_decref(json);
  json_set_alloc_funcs(malloc, free);
}

/* ---- the plain way is the long way, only shorter ---- */

static bool long_way(const char *text, size_t n, struct body *out,
                     struct cg_arena *arena) {
  struct cg_err err;
  struct cg_field_errors errs = {.n = 0};
  json_t *json = cg_json_parse(text, n, &err);
  bool ok = json && json_is_object(json) &&
            cg_schema_check(fields, json, "", out, arena, &errs);
  json_decref(json);
  return ok;
}

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Whether it was plain; if so, the long way must say the same of it. */
static bool plain_and_same(const char *text, size_t n) {
  static const struct body defaults = {.purpose = "why", .ttl = 3600, .force = true};
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  struct body a = defaults, b = defaults;
  bool plain = cg_schema_read_plain(fields, text, n, &a, arena);
  if (plain && (!long_way(text, n, &b, arena) || !same_text(a.camera, b.camera) ||
                !same_text(a.quality, b.quality) || !same_text(a.purpose, b.purpose) ||
                a.ttl != b.ttl || a.force != b.force))
    fail_msg("read otherwise: %.*s", (int)n, text);
  cg_arena_free(arena, NULL);
  return plain;
}

static void what_is_plain(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool plain;
  } rows[] = {
      {"{\"camera_id\":\"lobby-1\"}", true},
      {" {\t\"camera_id\" :\r\"x\" ,\n\"ttl_s\" : 60 } ", true},
      {"{\"purpose\":\"\",\"camera_id\":\" ~\",\"force\":false}", true},
      {"{\"camera_id\":\"x\",\"quality\":\"medium\"}", true},
      {"{\"camera_id\":\"x\",\"ttl_s\":86400,\"force\":true}", true},
      {"", false},
      {"}", false},
      {"{}", false}, /* camera_id is required */
      {"{\"ttl_s\":60}", false},
      {"{\"camera_id\":\"x\",}", false},
      {"{\"camera_id\":\"x\"}}", false},
      {"{\"camera_id\":\"x\"} 1", false},
      {"{\"camera_id\":\"x\"", false},
      {"{\"camera_id\":\"x", false},
      {"{\"camera_id\":\"x\t\"}", false},
      {"{\"camera_id\":\"x\",\"camera_id\":\"x\"}", false},
      {"{\"camera_id\":\"x\",\"camera\":\"x\"}", false},
      {"{\"camera_id\":\"x\",\"ttl_s\":null}", false},
      {"{\"camera_id\":\"x\",\"ttl_s\":060}", false},
      {"{\"camera_id\":\"x\",\"ttl_s\":60.0}", false},
      {"{\"camera_id\":\"x\",\"ttl_s\":6e1}", false},
      {"{\"camera_id\":\"x\",\"ttl_s\":-60}", false},
      {"{\"camera_id\":\"x\",\"ttl_s\":9}", false},
      {"{\"camera_id\":\"x\",\"ttl_s\":9999999999999999999}", false},
      {"{\"camera_id\":\"x\",\"force\":True}", false},
      {"{\"camera_id\":\"x\",\"force\":truee}", false},
      {"{\"camera_id\":\"x\",\"quality\":\"best\"}", false},
      {"{\"camera_id\":\"123456789\"}", false},
      {"{\"camera_id\":\"x\",\"purpose\":\"12345\"}", false},
      {"{\"camera_id\":\"\\u0078\"}", false},
      {"{\"camera_id\":\"\xc3\xa4\"}", false},
      {"{\"camera_id\":\"\x7f\"}", false},
      {"{\"camera_id\":\"x\",\"replace\":[\"a\"]}", false},
      {"{\"camera_id\":\"x\",\"net\":{\"port\":1}}", false},
      {"[{\"camera_id\":\"x\"}]", false},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++)
    if (plain_and_same(rows[i].text, strlen(rows[i].text)) != rows[i].plain)
      fail_msg("%s", rows[i].text);
  assert_false(plain_and_same("{\"camera_id\":\"x\"}\0", 18));
}

/* Pieces of bodies put together at random: plain, nearly plain and broken ones. */
static void plain_bodies_are_read_as_the_long_way_reads_them(void **state) {
  (void)state;
  static const char *const pieces[] = {
      "{",
      "}",
      ",",
      ":",
      "\"",
      " ",
      "\n",
      "\\",
      "\\u0041",
      "null",
      "true",
      "false",
      "0",
      "60",
      "-",
      "01",
      "1.0",
      "\xc3\xa4",
      "\x01",
      "[",
      "]",
      "\"x\"",
      "\"low\"",
      "\"camera_id\":\"x\"",
      "\"ttl_s\"",
      "\"force\"",
      "\"purpose\"",
      "\"quality\"",
      "\"camera_id\"",
      "\"force\":true",
      "\"ttl_s\":60",
      "\"purpose\":\"why\"",
      "\"quality\":\"high\"",
      "\"net\"",
  };
  uint32_t random = 1;
  size_t plain = 0;
  for (int round = 0; round < 200000; round++) {
    char text[256] = "{\"camera_id\":\"x\"";
    size_t n = round % 2 ? strlen(text) : 0;
    for (uint32_t left = round % 9; left; left--) {
      random = random * 1664525 + 1013904223;
      const char *piece = pieces[(random >> 8) % CG_COUNT(pieces)];
      memcpy(text + n, piece, strlen(piece));
      n += strlen(piece);
      if (left % 2 && round % 4 == 1) text[n++] = left > 1 ? ',' : '}';
    }
    plain += plain_and_same(text, n);
  }
  assert_true(plain > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_good_body_fills_its_struct, setup, teardown),
      cmocka_unit_test_setup_teardown(characters_and_whole_numbers, setup, teardown),
      cmocka_unit_test_setup_teardown(absent_and_null_keep_the_default, setup, teardown),
      cmocka_unit_test_setup_teardown(every_error_has_place_and_words, setup, teardown),
      cmocka_unit_test_setup_teardown(all_errors_are_told, setup, teardown),
      cmocka_unit_test_setup_teardown(errors_are_bounded, setup, teardown),
      cmocka_unit_test_setup_teardown(long_names_are_cut_not_overrun, setup, teardown),
      cmocka_unit_test_setup_teardown(no_memory_is_an_error_of_the_field, setup,
                                      teardown),
      cmocka_unit_test(the_nearest_name),
      cmocka_unit_test(json_is_refused_in_words),
      cmocka_unit_test(json_within_its_bounds_is_read),
      cmocka_unit_test(json_without_memory_is_neither_malformed_nor_changed),
      cmocka_unit_test(what_is_plain),
      cmocka_unit_test(plain_bodies_are_read_as_the_long_way_reads_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
