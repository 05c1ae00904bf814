/* What a set refuses to load, with file and line, all at once. */
#include "policy/fixture.h"

struct bad {
  const char *text, *pointer, *says;
};

#define D "decide = function() end"

static const struct bad bads[] = {
    {"", "a.lua:1", "must return one table"},
    {"return 1", "a.lua:1", "must return one table"},
    {"return {}, {}", "a.lua:1", "must return one table"},
    {"return {", "a.lua:1", "unexpected symbol"},
    {"\n\nreturn = 1", "a.lua:3", "unexpected symbol"},
    {"local x <const> = 1\nx = 2\nreturn {}", "a.lua:2", "const"},
    {"\nerror('boot')", "a.lua:2", "boot"},
    {"\nos.exit()", "a.lua:2", "there is no 'os' for policies"},
    {"\n\nfoo = 1", "a.lua:3", "sets no globals"},
    {"return {}", "a.lua:1", "'name' is missing"},
    {"return { name = 'a' }", "a.lua:1", "'decide' is missing"},
    {"return {\n\nname = '', " D " }", "a.lua:3", "name: 1 to 64"},
    {"return { name = 'a b', " D " }", "a.lua:1", "name: 1 to 64"},
    {"return { name = 7, " D " }", "a.lua:1", "name: 1 to 64"},
    {"return { name = 'a', decide = 'x' }", "a.lua:1", "decide: a function"},
    {"return { name = 'a', decide = allow }", "a.lua:1", "decide: a function"},
    {"return { name = 'a', doc = 1, " D " }", "a.lua:1", "doc: a text"},
    {"return { name = 'a', mach = {}, " D " }", "a.lua:1", "did you mean 'match'"},
    {"return { name = 'a', zzzzzz = {}, " D " }", "a.lua:1", "unknown member 'zzzzzz'"},
    {"return { 'x', name = 'a', " D " }", "a.lua:1", "unknown member"},
    {"return { name = 'a', match = 'x', " D " }", "a.lua:1", "match: a table"},
    {"return { name = 'a', match = { rol = 'x' }, " D " }", "a.lua:1",
     "unknown test 'rol'"},
    {"return { name = 'a', match = { role = 1 }, " D " }", "a.lua:1", "match.role"},
    {"return { name = 'a', match = { role = '' }, " D " }", "a.lua:1", "match.role"},
    {"return { name = 'a', match = { role = {} }, " D " }", "a.lua:1", "match.role"},
    {"return { name = 'a', match = { role = { a = 'x' } }, " D " }", "a.lua:1",
     "match.role"},
    {"return { name = 'a', match = { role = { true } }, " D " }", "a.lua:1",
     "match.role"},
    {"return { name = 'a', match = { level = 'x' }, " D " }", "a.lua:1", "match.level"},
    {"return { name = 'a', match = { level = 1.5 }, " D " }", "a.lua:1", "match.level"},
    {"while true do end", "a.lua:1", "limit"},
    {"local s = 'x' while true do s = s .. s end", "a.lua:1", "memory limit"},
    {"allow()", "a.lua:1", "inside decide only"},
    {"usage('x')", "a.lua:1", "inside decide only"},
    {"scope('x', 1)", "a.lua:1", "inside decide only"},
    {"use('nosuch')", "a.lua:1", "there is no lib/nosuch.lua"},
    {"\33Lua", "a.lua:1", "binary"},
};

static void bad_files_are_refused_with_file_and_line(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(bads); i++) {
    struct fix f;
    fix_init(&f);
    assert_false(fix_set(&f, FILES({"a.lua", bads[i].text})));
    bool said = false;
    for (size_t e = 0; e < f.errs.n; e++)
      said |= strcmp(f.errs.items[e].pointer, bads[i].pointer) == 0 &&
              strstr(f.errs.items[e].text, bads[i].says);
    if (!said)
      fail_msg("%s: says %s: %s", bads[i].text, f.errs.items[0].pointer,
               f.errs.items[0].text);
    fix_done(&f);
  }
}

static void all_errors_come_at_once(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_false(fix_set(&f, FILES({"a.lua", "return { nam = 'a', match = { x = 1 } }"},
                                 {"b.lua", "\nreturn {"},
                                 {"c.lua", "return { name = 'c', " D " }"},
                                 {"d.lua", "return { name = 'c', " D " }"},
                                 {"lib/l.lua", "error('lib')"})));
  static const char *const places[] = {"lib/l.lua:1", "a.lua:1", "a.lua:1", "a.lua:1",
                                       "a.lua:1",     "b.lua:2", "d.lua:1"};
  assert_int_equal(f.errs.n, CG_COUNT(places));
  for (size_t i = 0; i < f.errs.n; i++)
    assert_string_equal(f.errs.items[i].pointer, places[i]);
  assert_non_null(strstr(f.errs.items[6].text, "is the name of c.lua already"));
  fix_done(&f);
}

static void libs_in_circles_are_refused(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_false(
      fix_set(&f, FILES({"lib/a.lua", "return use('b')"},
                        {"lib/b.lua", "return use('a')"}, {"lib/c.lua", "local x = 1"})));
  assert_true(f.errs.n >= 2);
  assert_non_null(strstr(f.errs.items[0].text, "uses itself"));
  fix_done(&f);
}

/* Deep nesting of every bracket: a refusal, never a crash of the parser. */
static void deep_nesting_is_refused(void **state) {
  (void)state;
  static const char *const openers[] = {
      "{",   "(",          "-",         "not ",  "function() ", "f(",     "a[",
      "do ", "if x then ", "x = x .. ", "{{}, ", "while x do ", "a.b(c){"};
  for (size_t i = 0; i < CG_COUNT(openers); i++) {
    struct fix f;
    size_t len = strlen(openers[i]), n = 200000 / len;
    char *text = cg_alloc(n * len + 16);
    memcpy(text, "return ", 7);
    if (openers[i][len - 1] == ' ' && openers[i][0] != 'n') text[0] = '\0';
    for (size_t at = strlen(text), k = 0; k < n; k++, at += len)
      memcpy(text + at, openers[i], len);
    fix_init(&f);
    assert_false(fix_set(&f, FILES({"a.lua", text})));
    cg_free(text);
    fix_done(&f);
  }
}

static void the_revision_is_the_bundles(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(fix_body(&f, "return allow()"));
  assert_int_equal(strlen(cg_policy_revision(f.set)), 64);
  struct cg_policy *same = cg_policy_ref(f.set);
  cg_policy_unref(same);
  cg_policy_unref(NULL);
  assert_true(fix_decide(&f)->allow);
  fix_done(&f);
}

static void too_little_memory_for_the_set(void **state) {
  (void)state;
  for (uint64_t memory = 0; memory < (64 << 10); memory += 1024) {
    struct fix f;
    fix_init(&f);
    f.env.limits.lua.memory_bytes = memory;
    if (!fix_body(&f, "return allow()"))
      assert_true(f.errs.n > 0);
    else {
      const struct cg_verdict *v = fix_decide(&f);
      assert_true(v->allow || v->policy_error);
    }
    fix_done(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bad_files_are_refused_with_file_and_line),
      cmocka_unit_test(all_errors_come_at_once),
      cmocka_unit_test(libs_in_circles_are_refused),
      cmocka_unit_test(deep_nesting_is_refused),
      cmocka_unit_test(the_revision_is_the_bundles),
      cmocka_unit_test(too_little_memory_for_the_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
