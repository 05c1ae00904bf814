/* How the words of several policies become one verdict. */
#include "policy/fixture.h"

#define ALLOW(name, what)                                                                \
  "return { name = \"" name "\", decide = function(req) return allow " what " end }"
#define CAP(name, what)                                                                  \
  "return { name = \"" name "\", decide = function(req) return cap " what " end }"
#define DENY(name, why)                                                                  \
  "return { name = \"" name "\",\n decide = function(req)\n return deny(\"" why          \
  "\") end }"
#define SILENT(name) "return { name = \"" name "\", decide = function(req) end }"
#define BROKEN(name)                                                                     \
  "return { name = \"" name "\",\n decide = function(req)\n error(\"oh no\") end }"

static const struct cg_verdict *run(struct fix *f, const struct text_file *files,
                                    size_t n) {
  fix_init(f);
  if (!fix_set(f, files, n))
    fail_msg("%s: %s", f->errs.items[0].pointer, f->errs.items[0].text);
  return fix_decide(f);
}

static const struct cg_verdict *run_explain(struct fix *f, const struct text_file *files,
                                            size_t n) {
  run(f, files, n);
  f->ask.explain = true;
  return fix_decide(f);
}

static void nobody_allows(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v = run(&f, NULL, 0);
  assert_false(v->allow);
  assert_false(v->policy_error);
  assert_string_equal(v->reason, "no policy allows this");
  assert_string_equal(v->rule, "");
  fix_done(&f);
  v = run(&f, FILES({"a.lua", SILENT("a")}, {"b.lua", CAP("b", "{ max = 'low' }")}));
  assert_false(v->allow);
  assert_string_equal(v->reason, "no policy allows this");
  fix_done(&f);
}

static void one_allow_is_enough(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v =
      run(&f, FILES({"a.lua", SILENT("a")}, {"b.lua", ALLOW("b", "()")}));
  assert_true(v->allow);
  assert_string_equal(v->rule, "b");
  assert_string_equal(v->file, "b.lua");
  assert_int_equal(v->line, 1);
  assert_int_equal(v->max, 2);
  assert_string_equal(v->max_rule, "");
  assert_int_equal(v->ttl_s, 0);
  assert_int_equal(v->n_words, 1);
  assert_string_equal(v->facts, "{}");
  fix_done(&f);
}

static void any_deny_denies(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v =
      run(&f, FILES({"a.lua", ALLOW("a", "{ scopes = { scope('u', 1) } }")},
                    {"b.lua", DENY("b", "not today")}, {"c.lua", DENY("c", "never")}));
  assert_false(v->allow);
  assert_false(v->policy_error);
  assert_string_equal(v->reason, "not today");
  assert_string_equal(v->rule, "b");
  assert_string_equal(v->file, "b.lua");
  assert_int_equal(v->line, 3);
  assert_int_equal(v->n_scopes, 0);
  fix_done(&f);
}

static void lowest_max_smallest_ttl_highest_priority(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v =
      run(&f, FILES({"a.lua", ALLOW("a", "{ max = 'high', ttl = '1h', priority = -3 }")},
                    {"b.lua", ALLOW("b", "{ max = 'low', ttl = 120, priority = 7 }")},
                    {"c.lua", CAP("c", "{ max = 'medium', ttl = '90s' }")},
                    {"d.lua", ALLOW("d", "{ priority = 5 }")}));
  assert_true(v->allow);
  assert_int_equal(v->max, 0);
  assert_string_equal(v->max_rule, "b");
  assert_string_equal(v->rule, "b");
  assert_int_equal(v->ttl_s, 90);
  assert_int_equal(v->priority, 7);
  fix_done(&f);
}

static void a_cap_constrains_what_others_allow(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v =
      run(&f, FILES({"a.lua", ALLOW("a", "()")}, {"b.lua", CAP("b", "{ max = 'low' }")}));
  assert_true(v->allow);
  assert_int_equal(v->max, 0);
  assert_string_equal(v->rule, "b");
  assert_int_equal(v->words[1].kind, CG_WORD_CAP);
  fix_done(&f);
}

static void scopes_add_up_and_the_lowest_limit_wins(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v = run(
      &f, FILES({"a.lua",
                 ALLOW("a", "{ scopes = { scope('u', 4), scope('k', 900, 'kbps') } }")},
                {"b.lua", CAP("b", "{ scopes = { scope('u', 2), scope('c', 9) } }")},
                {"c.lua", CAP("c", "{ scopes = { scope('u', 3) } }")}));
  assert_true(v->allow);
  assert_int_equal(v->n_scopes, 3);
  assert_string_equal(v->scopes[0].name, "u");
  assert_int_equal(v->scopes[0].limit, 2);
  assert_true(v->scopes[1].weighted);
  assert_int_equal(v->scopes[2].limit, 9);
  fix_done(&f);
}

static void scopes_that_do_not_fit_together_are_an_error(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v =
      run(&f, FILES({"a.lua", ALLOW("a", "{ scopes = { scope('u', 4) } }")},
                    {"b.lua", CAP("b", "{ scopes = { scope('u', 4, 'kbps') } }")}));
  assert_false(v->allow);
  assert_true(v->policy_error);
  assert_string_equal(v->rule, "b");
  fix_done(&f);
  v = run(&f, FILES({"a.lua", "return { name = 'a', decide = function(req)\n"
                              "local l = {}\n"
                              "for i = 1, 20 do l[i] = scope(req.camera.id .. i, 1) end\n"
                              "return allow { scopes = l } end }"},
                    {"b.lua", "return { name = 'b', decide = function(req)\n"
                              "local l = {}\n"
                              "for i = 1, 20 do l[i] = scope('b' .. i, 1) end\n"
                              "return allow { scopes = l } end }"}));
  assert_true(v->policy_error);
  fix_done(&f);
}

static void an_error_is_a_denial_of_its_own_kind(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v =
      run(&f, FILES({"a.lua", ALLOW("a", "()")}, {"b.lua", BROKEN("b")}));
  assert_false(v->allow);
  assert_true(v->policy_error);
  assert_string_equal(v->reason, "policy_error");
  assert_string_equal(v->rule, "b");
  assert_int_equal(v->words[1].kind, CG_WORD_ERROR);
  assert_non_null(strstr(v->words[1].reason, "b.lua:3: oh no"));
  v = fix_decide(&f);
  assert_true(v->policy_error);
  fix_done(&f);
}

static void explain_tells_every_word(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v =
      run_explain(&f, FILES({"a.lua", SILENT("a")}, {"b.lua", DENY("b", "first")},
                            {"c.lua", "return { name = 'c', match = { role = 'admin' },\n"
                                      "decide = function() return deny('x') end }"},
                            {"d.lua", BROKEN("d")},
                            {"e.lua", ALLOW("e", "{ max = 'low', ttl = '5m' }")},
                            {"f.lua", CAP("f", "{ max = 'medium' }")}));
  static const enum cg_word_kind kinds[] = {CG_WORD_NONE,  CG_WORD_DENY,  CG_WORD_NONE,
                                            CG_WORD_ERROR, CG_WORD_ALLOW, CG_WORD_CAP};
  assert_int_equal(v->n_words, CG_COUNT(kinds));
  for (size_t i = 0; i < v->n_words; i++) assert_int_equal(v->words[i].kind, kinds[i]);
  assert_string_equal(v->reason, "first");
  assert_false(v->policy_error);
  assert_int_equal(v->words[0].line, 1);
  assert_int_equal(v->words[1].line, 3);
  assert_int_equal(v->words[2].line, 2);
  assert_int_equal(v->words[4].max, 0);
  assert_int_equal(v->words[4].ttl_s, 300);
  assert_int_equal(v->words[4].line, 1);
  assert_string_equal(v->words[5].policy, "f");
  assert_string_equal(v->words[5].file, "f.lua");
  fix_done(&f);
}

static void an_answer_made_in_a_lib_has_the_libs_place(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v = run(
      &f, FILES({"lib/say.lua", "return { no = function(why)\n\nreturn deny(why)\nend }"},
                {"a.lua", "local say = use('say')\nreturn { name = 'a',\n"
                          "decide = function() return say.no('because') end }"}));
  assert_string_equal(v->reason, "because");
  assert_string_equal(v->rule, "a");
  assert_string_equal(v->file, "lib/say.lua");
  assert_int_equal(v->line, 3);
  fix_done(&f);
}

struct match_case {
  const char *match;
  bool applies;
};

static const struct match_case matches[] = {
    {"{ role = 'operator' }", true},
    {"{ role = 'guard' }", false},
    {"{ role = { 'guard', 'operator' } }", true},
    {"{ role = { 'guard', 'admin' } }", false},
    {"{ site = 'north' }", true},
    {"{ site = 'south' }", false},
    {"{ tag = 'lobby' }", true},
    {"{ tag = { 'yard' } }", false},
    {"{ camera = { 'x', 'lobby-1' } }", true},
    {"{ camera = 'lobby' }", false},
    {"{ purpose = 'incident' }", false},
    {"{ quality = 'high' }", false},
    {"{ level = 1 }", true},
    {"{ level = '1' }", true},
    {"{ level = { 2, 3 } }", false},
    {"{ role = 'operator', site = 'north', level = { 0, 1 } }", true},
    {"{ role = 'operator', site = 'south' }", false},
    {"{}", true},
};

static void match_holds_or_not(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(matches); i++) {
    char text[256];
    struct fix f;
    snprintf(text, sizeof(text),
             "return { name = 'a', match = %s, decide = function() return allow() end }",
             matches[i].match);
    const struct cg_verdict *v = run(&f, FILES({"a.lua", text}));
    if (v->allow != matches[i].applies) fail_msg("match = %s", matches[i].match);
    fix_done(&f);
  }
}

static void quality_and_purpose_match_what_was_asked(void **state) {
  (void)state;
  struct fix f;
  run(&f, FILES({"a.lua",
                 "return { name = 'a', match = { quality = 'medium', "
                 "purpose = 'incident' }, decide = function() return allow() end }"}));
  f.ask.quality = 1;
  f.ask.purpose = "incident";
  assert_true(fix_decide(&f)->allow);
  f.ask.quality = 2;
  assert_false(fix_decide(&f)->allow);
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_allows),
      cmocka_unit_test(one_allow_is_enough),
      cmocka_unit_test(any_deny_denies),
      cmocka_unit_test(lowest_max_smallest_ttl_highest_priority),
      cmocka_unit_test(a_cap_constrains_what_others_allow),
      cmocka_unit_test(scopes_add_up_and_the_lowest_limit_wins),
      cmocka_unit_test(scopes_that_do_not_fit_together_are_an_error),
      cmocka_unit_test(an_error_is_a_denial_of_its_own_kind),
      cmocka_unit_test(explain_tells_every_word),
      cmocka_unit_test(an_answer_made_in_a_lib_has_the_libs_place),
      cmocka_unit_test(match_holds_or_not),
      cmocka_unit_test(quality_and_purpose_match_what_was_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
