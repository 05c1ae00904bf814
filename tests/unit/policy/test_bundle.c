/* A folder of policies is read: what counts, what is refused, what the revision is of. */
#include "policy/fixture.h"

#define GOOD "return { name = 'a', decide = function() end }"

static const struct cg_bundle *read_folder(struct fix *f, struct cg_err *err) {
  *err = (struct cg_err){0};
  return cg_bundle_read(f->dir, err);
}

static void put(struct fix *f, const char *name, const char *text) {
  folder_write(f->dir, name, text, strlen(text));
}

static void refused(struct fix *f, const char *says) {
  struct cg_err err;
  assert_null(read_folder(f, &err));
  if (!strstr(err.text, says)) fail_msg("says %s, not %s", err.text, says);
}

static void only_policies_count_in_name_order(void **state) {
  (void)state;
  struct fix f = {0};
  struct cg_err err;
  folder_make(f.dir);
  put(&f, "20-b.lua", GOOD);
  put(&f, "10-a.lua", "");
  put(&f, "lib/h.lua", "return 1");
  put(&f, "README.md", "no");
  put(&f, "a.test.lua", "no");
  put(&f, ".hidden.lua", "no");
  put(&f, "c.lua~", "no");
  put(&f, "lib/x.txt", "no");
  const struct cg_bundle *b = read_folder(&f, &err);
  assert_non_null(b);
  assert_int_equal(b->n_policies, 2);
  assert_string_equal(b->policies[0].name, "10-a.lua");
  assert_string_equal(b->policies[1].name, "20-b.lua");
  assert_string_equal(b->policies[1].text, GOOD);
  assert_int_equal(b->policies[1].len, strlen(GOOD));
  assert_int_equal(b->n_libs, 1);
  assert_string_equal(b->libs[0].name, "lib/h.lua");
  assert_int_equal(strlen(b->revision), 64);
  cg_bundle_unref(cg_bundle_ref(b));
  assert_string_equal(b->policies[0].text, "");
  cg_bundle_unref(b);
  cg_bundle_unref(NULL);
  folder_remove(f.dir);
}

static void the_revision_covers_names_and_contents(void **state) {
  (void)state;
  static const struct text_file variants[][2] = {
      {{"a.lua", "x"}, {"b.lua", "y"}},     {{"a.lua", "xb.lua"}, {"b.lua", "y"}},
      {{"a.lua", "x"}, {"c.lua", "y"}},     {{"a.lua", "y"}, {"b.lua", "x"}},
      {{"a.lua", "x"}, {"lib/b.lua", "y"}}, {{"a.lua", ""}, {"b.lua", "xy"}},
  };
  char seen[CG_COUNT(variants)][65];
  for (size_t i = 0; i < CG_COUNT(variants); i++) {
    struct fix f = {0};
    struct cg_err err;
    folder_make(f.dir);
    put(&f, variants[i][0].name, variants[i][0].text);
    put(&f, variants[i][1].name, variants[i][1].text);
    const struct cg_bundle *b = read_folder(&f, &err);
    assert_non_null(b);
    memcpy(seen[i], b->revision, 65);
    for (size_t j = 0; j < i; j++) assert_string_not_equal(seen[i], seen[j]);
    const struct cg_bundle *again = read_folder(&f, &err);
    assert_string_equal(again->revision, b->revision);
    cg_bundle_unref(again);
    cg_bundle_unref(b);
    folder_remove(f.dir);
  }
}

static void broken_folders_are_refused_in_words(void **state) {
  (void)state;
  struct fix f = {0};
  char path[128];
  snprintf(f.dir, sizeof(f.dir), "/nonexistent/policies");
  refused(&f, "/nonexistent/policies: No such file");
  folder_make(f.dir);
  snprintf(path, sizeof(path), "%s/d.lua", f.dir);
  assert_int_equal(mkdir(path, 0700), 0);
  refused(&f, "d.lua: not a regular file");
  assert_int_equal(rmdir(path), 0);
  assert_int_equal(symlink("nowhere", path), 0);
  refused(&f, "d.lua: No such file");
  assert_int_equal(unlink(path), 0);
  assert_int_equal(mkfifo(path, 0600), 0);
  refused(&f, "d.lua: not a regular file");
  folder_remove(f.dir);
}

static void sizes_and_counts_are_bounded(void **state) {
  (void)state;
  struct fix f = {0};
  struct cg_err err;
  folder_make(f.dir);
  size_t n = 256 << 10;
  char *big = cg_alloc(n + 1);
  memset(big, ' ', n + 1);
  folder_write(f.dir, "big.lua", big, n);
  const struct cg_bundle *b = read_folder(&f, &err);
  assert_non_null(b);
  cg_bundle_unref(b);
  folder_write(f.dir, "big.lua", big, n + 1);
  refused(&f, "big.lua: larger than 256 KiB");
  for (int i = 0; i < 17; i++) {
    char name[32];
    snprintf(name, sizeof(name), "%d.lua", i);
    folder_write(f.dir, name, big, n);
  }
  folder_write(f.dir, "big.lua", big, 1);
  refused(&f, "more than 4 MiB");
  cg_free(big);
  folder_remove(f.dir);
  folder_make(f.dir);
  for (int i = 0; i < 257; i++) {
    char name[32];
    snprintf(name, sizeof(name), "%d.lua", i);
    put(&f, name, "");
    if (i != 255) continue;
    b = read_folder(&f, &err);
    assert_non_null(b);
    cg_bundle_unref(b);
  }
  refused(&f, "more than 256 policy files");
  folder_remove(f.dir);
}

static void every_failed_allocation_is_told(void **state) {
  (void)state;
  struct fix f = {0};
  struct cg_err err;
  folder_make(f.dir);
  put(&f, "a.lua", GOOD);
  put(&f, "lib/b.lua", "return 1");
  const struct cg_bundle *b = NULL;
  for (uint64_t n = 1; !b && n < 100; n++) {
    cg_mem_fail_after(n);
    b = read_folder(&f, &err);
    cg_mem_fail_after(0);
    assert_true(b || err.code == CG_E_MEMORY);
  }
  assert_non_null(b);
  cg_bundle_unref(b);
  folder_remove(f.dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_policies_count_in_name_order),
      cmocka_unit_test(the_revision_covers_names_and_contents),
      cmocka_unit_test(broken_folders_are_refused_in_words),
      cmocka_unit_test(sizes_and_counts_are_bounded),
      cmocka_unit_test(every_failed_allocation_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
