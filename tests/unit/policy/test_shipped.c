/* The policies that come with the gate, asked what a city would ask. */
#include "policy/fixture.h"

#include <time.h>

struct question {
  const char *role, *site, *camera_site, *tag;
  int level, clearance; /* clearance -1: no claim */
  int hour;
  bool allow;
  int max;
  const char *rule;
};

static const struct question questions[] = {
    {"operator", "north", "north", "lobby", 1, -1, 12, true, 2, "roles-and-sites"},
    {"guard", "north", "north", "yard", 0, -1, 3, true, 2, "roles-and-sites"},
    {"operator", "south", "north", "lobby", 1, -1, 12, false, 2, ""},
    {"operator", "north", "north", "vault", 3, -1, 12, false, 2, "camera-levels"},
    {"operator", "north", "north", "vault", 3, 2, 12, false, 2, "camera-levels"},
    {"operator", "north", "north", "vault", 3, 3, 12, true, 2, "roles-and-sites"},
    {"admin", "", "north", "vault", 9, -1, 12, true, 2, "roles-and-sites"},
    {"contractor", "", "north", "lobby", 1, -1, 12, true, 1, "contractors"},
    {"contractor", "", "north", "lobby", 1, -1, 7, false, 2, "contractors"},
    {"contractor", "", "north", "lobby", 1, -1, 18, false, 2, "contractors"},
    {"contractor", "", "north", "yard", 1, -1, 12, false, 2, "contractors"},
    {"display", "", "north", "lobby", 1, -1, 3, true, 0, "public-displays"},
    {"display", "", "north", "yard", 1, -1, 3, false, 2, "public-displays"},
    {"auditor", "north", "north", "lobby", 1, -1, 12, false, 2, ""},
    {"stranger", "north", "north", "lobby", 1, -1, 12, false, 2, ""},
};

static struct cg_policy *shipped(struct fix *f) {
  struct cg_err err;
  const struct cg_bundle *b = cg_bundle_read(SOURCE_DIR "/policies", &err);
  if (!b) fail_msg("%s", err.text);
  struct cg_policy *p = cg_policy_new(b, &f->env, f->arena, &f->errs);
  cg_bundle_unref(b);
  if (!p) fail_msg("%s: %s", f->errs.items[0].pointer, f->errs.items[0].text);
  return p;
}

static void ask(struct fix *f, const struct question *q) {
  f->roles[0] = q->role;
  f->sites[0] = q->site;
  f->tags[0] = q->tag;
  f->camera.site = q->camera_site;
  f->camera.level = q->level;
  f->subject.claims =
      q->clearance < 0 ? json_object() : json_pack("{si}", "clearance", q->clearance);
  f->ask.now_us += (q->hour - 12) * INT64_C(3600000000) - INT64_C(1800000000);
}

static void the_usual_questions(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(questions); i++) {
    const struct question *q = &questions[i];
    struct fix f;
    fix_init(&f);
    f.set = shipped(&f);
    ask(&f, q);
    const struct cg_verdict *v = fix_decide(&f);
    if (v->allow != q->allow || v->policy_error || v->max != q->max ||
        strcmp(v->rule, q->rule))
      fail_msg("question %zu: allow %d error %d max %d rule %s reason %s", i, v->allow,
               v->policy_error, v->max, v->rule, v->reason);
    json_decref(f.subject.claims);
    fix_done(&f);
  }
}

static void limits_are_scopes_of_user_camera_and_uplink(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.set = shipped(&f);
  const struct cg_verdict *v = fix_decide(&f);
  assert_true(v->allow);
  assert_int_equal(v->n_scopes, 3);
  assert_string_equal(v->scopes[0].name, "user:alice");
  assert_int_equal(v->scopes[0].limit, 4);
  assert_string_equal(v->scopes[1].name, "camera:lobby-1");
  assert_int_equal(v->scopes[1].limit, 100);
  assert_string_equal(v->scopes[2].name, "uplink:north");
  assert_int_equal(v->scopes[2].limit, 200000);
  assert_true(v->scopes[2].weighted && !v->scopes[0].weighted);
  fix_done(&f);
}

/* The guide's examples are policies: every indented block that returns a table loads. */
static size_t take_example(const char *from, char *to, size_t size) {
  size_t n = 0;
  while (strncmp(from, "    ", 4) == 0) {
    size_t line = strcspn(from, "\n") + 1;
    assert_true(n + line - 4 < size);
    memcpy(to + n, from + 4, line - 4);
    n += line - 4;
    from += line;
  }
  to[n] = '\0';
  return n;
}

static void the_guides_examples_load(void **state) {
  (void)state;
  char guide[32768], example[4096];
  FILE *in = fopen(SOURCE_DIR "/policies/README.md", "r");
  assert_non_null(in);
  guide[fread(guide, 1, sizeof(guide) - 1, in)] = '\0';
  fclose(in);
  unsigned loaded = 0;
  for (const char *at = guide; (at = strstr(at, "\n\n    ")); at += 2) {
    take_example(at + 2, example, sizeof(example));
    if (!strstr(example, "return {")) continue;
    struct fix f;
    fix_init(&f);
    if (!fix_set(&f, FILES({"example.lua", example})))
      fail_msg("%s: %s", f.errs.items[0].pointer, f.errs.items[0].text);
    assert_false(fix_decide(&f)->policy_error);
    loaded++;
    fix_done(&f);
  }
  assert_int_equal(loaded, 3);
}

/* Not a benchmark: it prints what a build costs, and bounds only what would be absurd. */
static void a_decision_is_cheap(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.set = shipped(&f);
  f.subject.claims = json_object();
  struct timespec from, to;
  enum { N = 20000 };
  struct cg_arena_pool *pool = cg_arena_pool_new();
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
  for (int i = 0; i < N; i++) {
    struct cg_arena *a = cg_arena_new(pool, 64 << 10);
    cg_policy_decide(f.set, &f.ask, a, on_verdict, &f);
    cg_arena_free(a, pool);
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
  double us =
      ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
      1e3 / N;
  print_message("one decision: %.2f us of CPU\n", us);
  assert_true(us < 1000);
  cg_arena_pool_free(pool);
  json_decref(f.subject.claims);
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_usual_questions),
      cmocka_unit_test(limits_are_scopes_of_user_camera_and_uplink),
      cmocka_unit_test(the_guides_examples_load),
      cmocka_unit_test(a_decision_is_cheap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
