/* JSON read where it lies, by the run it was given to and by no other. */
#include "lua/fixture.h"
#include "lua/view_json.h"

struct seen {
  struct fix f;
  struct cg_view_life lives[2];
  json_t *value;
};

static struct seen *seen_of(lua_State *L) {
  return CG_CONTAINER(CG_CONTAINER(cg_state_of(L), struct fix, state), struct seen, f);
}

/* doc(): the value, as the life that runs now sees it. */
static int doc(lua_State *L) {
  cg_view_json_push(L, cg_state_of(L)->life, seen_of(L)->value);
  return 1;
}

static const struct cg_sandbox with_doc = {
    .functions = (const luaL_Reg[]){{"doc", doc}, {NULL, NULL}},
};

static void seen_init(struct seen *s, const char *json) {
  fix_init_with(&s->f, &with_doc);
  s->lives[0] = s->lives[1] = (struct cg_view_life){0};
  s->f.state.life = &s->lives[0];
  s->value = json_loads(json, 0, NULL);
  assert_non_null(s->value);
}

static void seen_done(struct seen *s) {
  fix_done(&s->f);
  json_decref(s->value);
}

static const char *const told[] = {
    "assert(doc().text == 'a\\0b' and doc().whole == 3 and doc().real == 2.5)",
    "assert(math.type(doc().whole) == 'integer' and doc().yes == true)",
    "assert(doc().no == false and doc().null == nil and doc().missing == nil)",
    "assert(doc().list[1] == 'x' and doc().list[3].deep == 1 and #doc().list == 3)",
    "assert(doc().list[0] == nil and doc().list[4] == nil and doc().list[-1] == nil)",
    "assert(doc().list[1.5] == nil and doc()[{}] == nil and #doc() == 0)",
    "local n = 0 for i, v in ipairs(doc().list) do n = n + i end assert(n == 6)",
    "local n = 0 for k, v in pairs(doc()) do n = n + 1 end assert(n == 8)",
    "local t = {} for k, v in pairs(doc().list) do t[k] = v end assert(#t == 3)",
    "assert(next(doc().empty) == nil and next(doc().list, 3) == nil)",
    "assert(tostring(doc()) == 'userdata')",
};

static void values_are_told_as_they_are(void **state) {
  (void)state;
  struct seen s;
  seen_init(&s, "{\"text\":\"ab\",\"whole\":3,\"real\":2.5,\"yes\":true,\"no\":false,"
                "\"null\":null,\"list\":[\"x\",2,{\"deep\":1}],\"empty\":{}}");
  json_object_set_new(s.value, "text", json_stringn("a\0b", 3));
  for (size_t i = 0; i < CG_COUNT(told); i++) fix_good(&s.f, told[i]);
  seen_done(&s);
}

static void nobody_writes(void **state) {
  (void)state;
  struct seen s;
  seen_init(&s, "{\"a\":[1]}");
  fix_bad(&s.f, "doc().a = 2", "read-only");
  fix_bad(&s.f, "doc().a[1] = 2", "read-only");
  fix_bad(&s.f, "table.insert(doc().a, 2)", "table expected");
  fix_bad(&s.f, "next(doc().a, 'x')", "number expected");
  fix_bad(&s.f, "next(doc(), {})", "string expected");
  seen_done(&s);
}

static void a_view_dies_with_its_run(void **state) {
  (void)state;
  struct seen s;
  seen_init(&s, "{\"a\":[1]}");
  fix_good(&s.f, "kept = doc() list = kept.a assert(#list == 1)");
  fix_good(&s.f, "assert(#kept.a == 1)");
  s.lives[0].generation++;
  fix_bad(&s.f, "return kept.a", "of another run");
  fix_bad(&s.f, "return #list", "of another run");
  fix_bad(&s.f, "return next(list)", "of another run");
  fix_bad(&s.f, "for k in pairs(kept) do end", "of another run");
  seen_done(&s);
}

/* Two runs that take turns: neither reads the other's, each its own. */
static void a_view_is_of_its_own_run_alone(void **state) {
  (void)state;
  struct seen s;
  seen_init(&s, "{\"a\":1}");
  fix_good(&s.f, "first = doc()");
  s.f.state.life = &s.lives[1];
  fix_bad(&s.f, "return first.a", "of another run");
  fix_good(&s.f, "assert(doc().a == 1)");
  s.f.state.life = NULL;
  fix_bad(&s.f, "return first.a", "of another run");
  s.f.state.life = &s.lives[0];
  fix_good(&s.f, "assert(first.a == 1)");
  seen_done(&s);
}

static void no_json_is_an_empty_object(void **state) {
  (void)state;
  struct seen s;
  seen_init(&s, "{}");
  json_decref(s.value);
  s.value = NULL;
  fix_good(&s.f, "assert(doc().x == nil and #doc() == 0 and next(doc()) == nil)");
  seen_done(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_told_as_they_are),
      cmocka_unit_test(nobody_writes),
      cmocka_unit_test(a_view_dies_with_its_run),
      cmocka_unit_test(a_view_is_of_its_own_run_alone),
      cmocka_unit_test(no_json_is_an_empty_object),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
