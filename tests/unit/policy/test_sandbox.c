/* Ways out of the sandbox: each must fail as an error of its own decision. */
#include "policy/fixture.h"

/* Bodies of decide that end in allow() when the escape worked. */
static const char *const escapes[] = {
    "os.exit(1) return allow()",
    "io.open('/etc/passwd') return allow()",
    "require('os') return allow()",
    "package.loaded.os.exit() return allow()",
    "debug.getregistry() return allow()",
    "load('return 1')() return allow()",
    "loadstring('return 1')() return allow()",
    "loadfile('/etc/passwd') return allow()",
    "dofile('/etc/passwd') return allow()",
    "print('x') return allow()",
    "warn('x') return allow()",
    "collectgarbage() return allow()",
    "string.rep('x', 10) return allow()",
    "utf8.char(65) return allow()",
    "coroutine.create(function() end) return allow()",
    "coroutine.wrap(function() end) return allow()",
    "local t = setmetatable({}, { __gc = function() end }) return allow()",
    "local m = getmetatable('') return allow()",
    "local m = getmetatable(req) return allow()",
    "rawset({}, 1, 2) return allow()",
    "rawget({}, 1) return allow()",
    "xpcall(error, error) return allow()",
    "_G.x = 1 return allow()",
    "local g = _G return allow()",
    "x = 1 return allow()",
    "allow = deny return allow()",
    "_ENV.x = 1 return allow()",
    "_ENV['deny'] = allow return allow()",
    "table.insert(_ENV, 1) return allow()",
    "table.insert(math, 1) return allow()",
    "table.insert(table, 'x') return allow()",
    "table.remove(math) return allow()",
    "table.unpack(_ENV) return allow()",
    "math.pi = 3 return allow()",
    "table.insert = nil return allow()",
    "math.random() return allow()",
    "math.randomseed(1) return allow()",
    "table.sort({ 1, 2 }) return allow()",
    "table.move({}, 1, 1, 1) return allow()",
    "table.pack(1) return allow()",
    "('x'):rep(1000000000) return allow()",
    "('x'):format() return allow()",
    "('x'):gsub('x', 'y') return allow()",
    "('x'):match('x') return allow()",
    "('x'):byte() return allow()",
    "('x').starts = nil return allow()",
    "local s = 'x' s.y = 1 return allow()",
    "req.subject = nil return allow()",
    "req.subject.id = 'root' return allow()",
    "req.camera.level = 0 return allow()",
    "req.subject.claims.admin = true return allow()",
    "req.subject.has_role() return allow()",
    "req.subject.has_role(req.camera, 'x') return allow()",
    "req.camera.has_tag({}, 'x') return allow()",
    "req.camera.has_tag('x', 'x') return allow()",
    "req.time.between(req, '00:00', '24:00') return allow()",
    "req.time.between(req.subject.claims, '00:00', '24:00') return allow()",
    "req.time:between('8', '9') return allow()",
    "req.time:between('08:60', '09:00') return allow()",
    "req.time:between('24:01', '09:00') return allow()",
    "req[1] = 2 return allow()",
    "local x = req[nil] return allow()",
    "local x = req.subject.password return allow()",
    "next(req) return allow()",
    "pairs(req) return allow()",
    "next(math, 'nosuch') return allow()",
    "next({}, 'nosuch') return allow()",
    "rawlen(req) return allow()",
    "local x = #req return allow()",
    "local x = req .. 'x' return allow()",
    "local x = req < req return allow()",
    "local x <close> = req return allow()",
    "local x <close> = {} return allow()",
    "use('../../etc/passwd') return allow()",
    "use('nosuch') return allow()",
    "use('a\\0b') return allow()",
    "use(nil) return allow()",
    "tonumber('10', 16) return allow()",
    "tonumber() return allow()",
    "tostring() return allow()",
    "select(0) return allow()",
    "select(-5, 1) return allow()",
    "goto_nowhere() return allow()",
    "local _ENV = {} return allow()",
    "local _ENV <const> = nil; return allow()",
    "for i = 1, 10, 0 do end return allow()",
    "return allow() and nil .. 'x'",
};

static void no_escape_works(void **state) {
  (void)state;
  assert_true(CG_COUNT(escapes) >= 40);
  for (size_t i = 0; i < CG_COUNT(escapes); i++) {
    struct fix f;
    const struct cg_verdict *v = fix_run(&f, escapes[i]);
    if (v->allow || !v->policy_error) fail_msg("%s: allow %d", escapes[i], v->allow);
    fix_done(&f);
  }
}

/* What the allow list does offer; each asserts and then allows. */
static const char *const offered[] = {
    "assert(tostring(12) == '12' and tostring(nil) == 'nil' and tostring(true) == "
    "'true')",
    "assert(tostring({}) == 'table' and tostring(req) == 'userdata')",
    "assert(tonumber('12') == 12 and tonumber('0x10') == 16 and tonumber('x') == nil)",
    "assert(select('#', 1, nil) == 2 and select(2, 'a', 'b') == 'b')",
    "assert(type({}) == 'table' and rawequal(1, 1) and rawlen({ 1, 2 }) == 2)",
    "local n = 0 for k, v in pairs({ a = 1, b = 2 }) do n = n + v end assert(n == 3)",
    "local n = 0 for i, v in ipairs({ 4, 5 }) do n = n + i * v end assert(n == 14)",
    "assert(next({}) == nil and next({ 7 }) == 1)",
    "assert(math.max(1, 3) == 3 and math.floor(2.5) == 2 and math.type(1) == 'integer')",
    "assert(table.concat({ 'a', 1, 2.5 }, '-') == 'a-1-2.5' and table.concat({}) == '')",
    "local t = { 1, 3 } table.insert(t, 2, 2) table.insert(t, 4)\n"
    "assert(table.concat(t, ',') == '1,2,3,4')",
    "local t = { 1, 2, 3 } assert(table.remove(t, 1) == 1 and table.remove(t) == 3 and "
    "#t == 1)",
    "local a, b = table.unpack({ 1, 2 }) assert(a == 1 and b == 2)",
    "assert(table.remove({}) == nil)",
    "local n = 0 for k in pairs(math) do n = n + 1 end assert(n == 14)",
    "assert(find('a.b', '.') == 2 and find('abc', 'x') == nil and find('aXa', 'a', 2) == "
    "3)",
    "assert(find('abc', '') == 1 and find('', '') == 1 and find('a', 'a', 9) == nil)",
    "assert(starts('lobby-1', 'lobby') and not starts('lob', 'lobby') and starts('x', "
    "''))",
    "assert(ends('a.lua', '.lua') and not ends('lua', '.lua'))",
    "assert(glob('lobby-1', 'lobby-*') and glob('lobby', 'l?bb?') and glob('', '*'))",
    "assert(not glob('lobby', 'lob') and not glob('lob', 'lobby') and glob('abcabc', "
    "'*abc'))",
    "assert(glob('a*c', 'a*c') and not glob('ab', '?') and glob('xyz', '***'))",
    "local t = split('a,b,,c', ',') assert(#t == 4 and t[3] == '' and t[4] == 'c')",
    "local t = split('', ',') assert(#t == 1 and t[1] == '')",
    "assert(lower('AbÄ') == 'abÄ' and upper('abz{') == 'ABZ{')",
    "assert(('Lobby'):lower() == 'lobby' and ('a-b'):split('-')[2] == 'b')",
    "local ok, err = pcall(find, nil, 'x') assert(not ok and type(err) == 'string')",
    "local a, b = pcall(pcall, error, 'x') assert(a == true and b == false)",
};

static void what_is_offered_works(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(offered); i++) {
    struct fix f;
    char body[512];
    snprintf(body, sizeof(body), "%s return allow()", offered[i]);
    const struct cg_verdict *v = fix_run(&f, body);
    if (!v->allow) fail_msg("%s: %s", offered[i], v->words[0].reason);
    fix_done(&f);
  }
}

static void no_address_leaks_through_texts(void **state) {
  (void)state;
  struct fix f;
  const struct cg_verdict *v =
      fix_run(&f, "return deny(tostring(pcall) .. tostring(_ENV) .. tostring(allow()))");
  assert_string_equal(v->reason, "functiontableuserdata");
  fix_done(&f);
}

static void libs_are_shared_and_read_only(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(fix_set(
      &f,
      FILES({"lib/b.lua", "local c = use('c')\nreturn { 'x', 'y', twice = c.twice }"},
            {"lib/c.lua", "return { twice = function(n) return 2 * n end }"},
            {"a.lua", "local b = use('b')\nreturn { name = 'a', decide = function(req)\n"
                      "assert(b == use('b') and b.twice(4) == 8 and #b == 2)\n"
                      "local n = 0\nfor k in pairs(b) do n = n + 1 end\n"
                      "for i, v in ipairs(b) do n = n + i end\nassert(n == 6)\n"
                      "assert(not pcall(function() b.twice = nil end))\n"
                      "assert(not pcall(table.insert, b, 1))\n"
                      "return allow() end }"})));
  const struct cg_verdict *v = fix_decide(&f);
  if (!v->allow) fail_msg("%s", v->words[0].reason);
  fix_done(&f);
}

static void views_of_another_decision_are_refused(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(
      fix_set(&f, FILES({"b.lua", "local kept\nreturn { name = 'b', decide = "
                                  "function(req)\nlocal x = kept and kept.dept\n"
                                  "kept = req.subject.claims return allow() end }"})));
  f.subject.claims = json_pack("{ss}", "dept", "it");
  assert_true(fix_decide(&f)->allow);
  json_decref(f.subject.claims);
  f.subject.claims = json_object();
  assert_true(fix_decide(&f)->policy_error);
  json_decref(f.subject.claims);
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_escape_works),
      cmocka_unit_test(what_is_offered_works),
      cmocka_unit_test(no_address_leaks_through_texts),
      cmocka_unit_test(libs_are_shared_and_read_only),
      cmocka_unit_test(views_of_another_decision_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
