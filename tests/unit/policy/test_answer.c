/* What decide may return, and everything else: a policy_error, never an allow. */
#include "policy/fixture.h"

static const char *const odd[] = {
    "return true",
    "return false",
    "return 1",
    "return 'allow'",
    "return {}",
    "return { allow = true }",
    "return allow",
    "return deny",
    "return req",
    "return allow(), allow()",
    "return nil, allow()",
    "return allow(), nil",
    "return scope('a', 1)",
    "return { allow() }",
    "return allow(true)",
    "return allow('high')",
    "return allow(1)",
    "return allow({}, {})",
    "return allow(allow())",
    "return allow { max = 'ultra' }",
    "return allow { max = '' }",
    "return allow { max = 2 }",
    "return allow { max = true }",
    "return allow { max = {} }",
    "return allow { Max = 'low' }",
    "return allow { 'low' }",
    "return allow { ttl = 0 }",
    "return allow { ttl = -5 }",
    "return allow { ttl = 1.5 }",
    "return allow { ttl = '' }",
    "return allow { ttl = '30' .. 'x' }",
    "return allow { ttl = '-1m' }",
    "return allow { ttl = '400d' }",
    "return allow { ttl = true }",
    "return allow { ttl = math.huge }",
    "return allow { priority = 'high' }",
    "return allow { priority = 1.5 }",
    "return allow { priority = 0/0 }",
    "return allow { priority = math.huge }",
    "return allow { priority = 1000001 }",
    "return allow { scopes = scope('a', 1) }",
    "return allow { scopes = 'a' }",
    "return allow { scopes = { 'a' } }",
    "return allow { scopes = { a = scope('a', 1) } }",
    "return allow { scopes = { scope('a', 1), nil, scope('b', 1), x = 1 } }",
    "return allow { scopes = { allow() } }",
    "return allow { scopes = { {} } }",
    "return allow { reason = 'x' }",
    "return allow { unknown = 1 }",
    "return cap()",
    "return cap('low')",
    "return cap { priority = 1 }",
    "return cap { allow = true }",
    "return cap { max = 'ultra' }",
    "return deny()",
    "return deny('')",
    "return deny(1)",
    "return deny({})",
    "return deny('a', 'b')",
    "return deny('two\\nlines')",
    "return deny('nul\\0')",
    "local s = 'xxxxxxxxxxxxxxxx' for i = 1, 5 do s = s .. s end return deny(s)",
    "scope('', 1) return allow()",
    "scope('a') return allow()",
    "scope('a', -1) return allow()",
    "scope('a', 1.5) return allow()",
    "scope('a', '4') return allow()",
    "scope('a', 0/0) return allow()",
    "scope('a', math.huge) return allow()",
    "scope('a', math.maxinteger) return allow()",
    "scope('a', 1, 'mbps') return allow()",
    "scope('a', 1, true) return allow()",
    "scope('a', 1, 'kbps', 1) return allow()",
    "scope(1, 1) return allow()",
    "scope('a\\n', 1) return allow()",
    "scope({}, 1) return allow()",
    "usage() return allow()",
    "usage('') return allow()",
    "usage(1) return allow()",
    "usage('a', 'b') return allow()",
    "error() return allow()",
    "error({}) return allow()",
    "error(nil) return allow()",
    "error(req) return allow()",
    "assert(false) return allow()",
    "local x = nil; x.y = 1",
    "return allow() + 1",
    "return req.nothing",
    "for i = 1, 300 do allow() end return allow()",
    "for i = 1, 300 do scope('a', 1) end return allow()",
    "local l = {} for i = 1, 33 do l[i] = scope('s' .. i, 1) end return allow { scopes = "
    "l }",
};

static void odd_answers_are_policy_errors(void **state) {
  (void)state;
  assert_true(CG_COUNT(odd) >= 40);
  for (size_t i = 0; i < CG_COUNT(odd); i++) {
    struct fix f;
    const struct cg_verdict *v = fix_run(&f, odd[i]);
    if (v->allow || !v->policy_error || strcmp(v->reason, "policy_error") != 0)
      fail_msg("%s: allow %d, error %d, %s", odd[i], v->allow, v->policy_error,
               v->reason);
    assert_int_equal(v->words[v->n_words - 1].kind, CG_WORD_ERROR);
    assert_true(*v->words[v->n_words - 1].reason);
    fix_done(&f);
  }
}

static const char *const fine[] = {
    "return allow()",
    "return allow {}",
    "return allow(nil)",
    "return allow { max = 'low', ttl = '1d', priority = 3.0, scopes = {} }",
    "return allow { ttl = 1 }",
    "return allow { scopes = { scope('a', 0), scope('b', 4.0, 'kbps'), scope('c', 1, "
    "nil) } }",
    "local a = allow() local d = deny('unused') return a",
    "local ok = pcall(allow, { max = 'ultra' }) assert(not ok) return allow()",
    "local ok, a = pcall(allow, { max = 'low' }) return a",
    "local ok, err = pcall(error, 'x') assert(err == 'x') return allow()",
    "local ok, err = pcall(error, {}) assert(type(err) == 'table') return allow()",
    "local a, b, c = pcall(function(...) return ... end, 1, 2)\n"
    "assert(a == true and b == 1 and c == 2) return allow()",
};

static void fine_answers_allow(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(fine); i++) {
    struct fix f;
    const struct cg_verdict *v = fix_run(&f, fine[i]);
    if (!v->allow)
      fail_msg("%s: %s", fine[i], v->n_words ? v->words[0].reason : v->reason);
    fix_done(&f);
  }
}

static void answers_of_another_decision_do_not_count(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(fix_set(&f, FILES({"a.lua", "local kept\nreturn { name = 'a', decide = "
                                          "function() kept = kept or allow() return kept "
                                          "end }"})));
  assert_true(fix_decide(&f)->allow);
  assert_true(fix_decide(&f)->policy_error);
  fix_done(&f);
}

static void answers_of_another_policy_do_not_count(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(fix_set(
      &f, FILES({"lib/l.lua", "local kept\nreturn { keep = function(a) kept = a end, "
                              "kept = function() return kept end }"},
                {"a.lua", "return { name = 'a', decide = function()\n"
                          "use('l').keep(allow()) end }"},
                {"b.lua", "return { name = 'b', decide = function()\n"
                          "return use('l').kept() end }"})));
  const struct cg_verdict *v = fix_decide(&f);
  assert_true(v->policy_error);
  assert_string_equal(v->rule, "b");
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(odd_answers_are_policy_errors),
      cmocka_unit_test(fine_answers_allow),
      cmocka_unit_test(answers_of_another_decision_do_not_count),
      cmocka_unit_test(answers_of_another_policy_do_not_count),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
