/* The configuration file as a program: what it may call, its limits, and the words when
 * it is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "conf/conf_lua.h"

struct fix {
  struct cg_arena *arena;
  struct cg_field_errors errs, warnings;
  struct cg_conf_asked asked;
  json_t *root;
};

static void fix_run(struct fix *f, const char *text) {
  *f = (struct fix){.arena = cg_arena_new(NULL, 1 << 20)};
  assert_non_null(f->arena);
  struct cg_conf_lua in = {SOURCE_DIR, text, strlen(text), &f->warnings};
  f->root = cg_conf_lua_run(&in, &f->asked, f->arena, &f->errs);
}

static void fix_done(struct fix *f) {
  json_decref(f->root);
  cg_arena_free(f->arena, NULL);
}

static const struct {
  const char *text, *json;
} told[] = {
    {"return {}", "{}"},
    {"return { a = 1, b = 2.5, c = 'x', d = true, e = 3.0 }",
     "{\"a\":1,\"b\":2.5,\"c\":\"x\",\"d\":true,\"e\":3}"},
    {"return { list = { 1, nil, 'x' } }", "{\"list\":[1,\"x\"]}"},
    {"return { p = { 'name', secret = 's' } }",
     "{\"p\":{\"\":\"name\",\"secret\":\"s\"}}"},
    {"return { a = env 'CG_TEXT', b = env 'CG_NONE', c = env('CG_NONE', 5) }",
     "{\"a\":\"x\",\"c\":5}"},
    {"return { a = env('CG_NUMBER', 1), b = env('CG_YES', false), c = env 'CG_NUMBER' }",
     "{\"a\":42,\"b\":true,\"c\":\"42\"}"},
    {"return { a = env('CG_TEXT', 1), b = env('CG_EMPTY', 'd') }",
     "{\"a\":\"x\",\"b\":\"d\"}"},
    {"port = 9 local t = { port = port, unknown = nothing } return t", "{\"port\":9}"},
    {"return { a = ('x,y'):split(',')[2], b = math.max(1, 2) }", "{\"a\":\"y\",\"b\":2}"},
    {"return { a = pcall(error) }", "{\"a\":false}"},
};

static void a_table_becomes_json(void **state) {
  (void)state;
  setenv("CG_TEXT", "x", 1);
  setenv("CG_NUMBER", "42", 1);
  setenv("CG_YES", "true", 1);
  setenv("CG_EMPTY", "", 1);
  unsetenv("CG_NONE");
  for (size_t i = 0; i < CG_COUNT(told); i++) {
    struct fix f;
    fix_run(&f, told[i].text);
    if (!f.root) fail_msg("%s: %s", told[i].text, f.errs.items[0].text);
    json_t *want = json_loads(told[i].json, 0, NULL);
    if (!json_equal(f.root, want))
      fail_msg("%s: %s", told[i].text, json_dumps(f.root, JSON_COMPACT));
    json_decref(want);
    fix_done(&f);
  }
}

#define HOARDS  "local t = {} for i = 1, 1e9 do t[i] = { i } end"
#define DOUBLES "local s = 'x' for i = 1, 40 do s = s .. s end return {}"

static const struct {
  const char *text, *pointer, *says;
} wrong[] = {
    {"return 1", "", "the file must return a table"},
    {"return {\n a = = 1 }", ":2", "unexpected symbol near '='"},
    {"\x1bLua", "", "attempt to load a binary chunk (mode is 't')"},
    {"\nlocal x = os.exit()", ":2", "attempt to index a nil value (global 'os')"},
    {"\n\nerror('words')", ":3", "words"},
    {"error({})", "", "an error without text"},
    {"while true do end", "", "the file runs too long"},
    {"local function f()\nwhile true do end end\nf()", ":3", "the file runs too long"},
    {"pcall(function() while true do end end) return {}", "", "the file runs too long"},
    {HOARDS, "", "not enough memory"},
    {DOUBLES, "", "not enough memory"},
    {"pcall(function() " HOARDS " end)", ":1", "memory limit reached"},
    {"return { a = file 'nowhere' }", ":1",
     "file \"nowhere\": No such file or directory"},
    {"return { a = { b = print, c = pcall } }", "/a/c",
     "is neither text, number, boolean nor table, or not UTF-8"},
    {"return { a = '\\xff' }", "/a",
     "is neither text, number, boolean nor table, or not UTF-8"},
    {"return { a = { [2.5] = 1 } }", "/a", "keys are names, or places in a list"},
    {"local t = {} t.t = t return t", "/t/t/t/t/t/t/t/t", "tables too deep or too large"},
};

static void what_is_wrong_has_its_place_and_words(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(wrong); i++) {
    struct fix f;
    fix_run(&f, wrong[i].text);
    assert_null(f.root);
    assert_int_equal(f.errs.n, 1);
    if (strcmp(f.errs.items[0].pointer, wrong[i].pointer) ||
        strcmp(f.errs.items[0].text, wrong[i].says))
      fail_msg("%s: %s: %s", wrong[i].text, f.errs.items[0].pointer,
               f.errs.items[0].text);
    fix_done(&f);
  }
}

/* Ten million instructions, 16 MiB: both sides of each. */
static void limits_stand_where_they_are_said_to(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool good;
  } rows[] = {
      {"for i = 1, 9900000 do end return {}", true},
      {"for i = 1, 10100000 do end return {}", false},
      {"local t = {} for i = 1, 15 do t[i] = ('x'):upper() for j = 1, 19 do\n"
       "t[i] = t[i] .. t[i] end t[i] = t[i] .. i end return {}",
       true},
      {"local t = {} for i = 1, 40 do t[i] = ('x'):upper() for j = 1, 19 do\n"
       "t[i] = t[i] .. t[i] end t[i] = t[i] .. i end return {}",
       false},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct fix f;
    fix_run(&f, rows[i].text);
    if ((f.root != NULL) != rows[i].good) fail_msg("%s", rows[i].text);
    fix_done(&f);
  }
}

static void it_survives_every_failed_allocation(void **state) {
  (void)state;
  bool whole = false;
  for (uint64_t n = 1; !whole; n++) {
    struct fix f = {.arena = cg_arena_new(NULL, 1 << 20)};
    static const char text[] = "return { a = { 'x', 'y' }, b = env 'CG_TEXT' }";
    struct cg_conf_lua in = {"/", text, strlen(text), &f.warnings};
    cg_mem_fail_after(n);
    f.root = cg_conf_lua_run(&in, &f.asked, f.arena, &f.errs);
    cg_mem_fail_after(0);
    whole = f.root != NULL;
    assert_true(whole || f.errs.n == 1);
    fix_done(&f);
    assert_true(n < 2000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_table_becomes_json),
      cmocka_unit_test(what_is_wrong_has_its_place_and_words),
      cmocka_unit_test(limits_stand_where_they_are_said_to),
      cmocka_unit_test(it_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
