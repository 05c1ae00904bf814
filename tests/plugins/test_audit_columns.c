/* audit_sqlite: one table of columns, the same on the disk as ever; the guide's lists. */
#include "audit_trail.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_sqlite/columns.h"

static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  assert_int_equal(fseek(f, 0, SEEK_END), 0);
  size_t n = (size_t)ftell(f);
  rewind(f);
  char *text = calloc(1, n + 1);
  assert_non_null(text);
  assert_int_equal(fread(text, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
  return text;
}

static void write_head(const struct trail *t, const char *line) {
  FILE *f = fopen(t->head, "wb");
  assert_non_null(f);
  assert_true(fputs(line, f) >= 0);
  assert_int_equal(fclose(f), 0);
}

/* The trail of trail_v1.sql, with its head file. */
static void make_old_trail(struct trail *t) {
  t->h = NULL; /* not open yet */
  trail_paths(t);
  int fd = open(t->db, O_RDWR | O_CREAT | O_EXCL, 0600);
  assert_true(fd >= 0);
  assert_int_equal(close(fd), 0);
  char *dump = read_file(SOURCE_DIR "/tests/plugins/trail_v1.sql");
  sql(t->db, dump);
  free(dump);
  write_head(t, "camgate audit head 00000000000000000006 "
                "10ec5e77b01ebfcaf3a1f6e234515992a56195c078be4543e8047b91e3fec8ba\n");
}

/* ---- what lies on the disk ---- */

static void a_trail_of_the_first_gate_goes_on(void **state) {
  (void)state;
  struct trail t;
  make_old_trail(&t);
  trail_open(&t, "{\"longest_lease_h\": 87600}", 1);
  struct cgp_audit_verdict v = ask_verdict(&t);
  assert_true(v.intact);
  assert_int_equal(v.rows, 6);
  struct cgp_audit_filter f = anything(10);
  f.subject = "J\xc3\xbcrgen O'Neil \xe6\xbc\xa2";
  assert_int_equal(ask(&t, f).seqs[0], 4);
  assert_int_equal(ask_live(&t).n, 0);
  assert_int_equal(add(&t, decision("", "deny", "eve", "gate-2")), 7);
  trail_shut(&t);
  trail_open(&t, "{}", 1);
  v = ask_verdict(&t);
  assert_true(v.intact);
  assert_int_equal(v.rows, 7);
  trail_remove(&t);
}

#define SCHEMA                                                                           \
  "(SELECT group_concat(type || name || sql, x'0a') FROM (SELECT * FROM "                \
  "%s.sqlite_schema "                                                                    \
  "WHERE name NOT LIKE 'sqlite_%%' ORDER BY name))"

/* Whoever only reads leaves it as it is, and it is whole. */
static void a_trail_of_the_first_gate_is_read_as_it_is(void **state) {
  (void)state;
  struct trail t;
  make_old_trail(&t);
  trail_open(&t, "{\"read_only\": true}", 1);
  struct cgp_audit_verdict v = ask_verdict(&t);
  if (!v.intact) fail_msg("%s", v.text);
  trail_shut(&t);
  sql(t.db, "CREATE TEMP TABLE told(yes CHECK(yes)); INSERT INTO told SELECT "
            "user_version = 1 FROM pragma_user_version");
  trail_remove(&t);
}

static void a_new_trail_has_the_old_ones_tables_and_views(void **state) {
  (void)state;
  struct trail old, now;
  char question[1024];
  make_old_trail(&old);
  trail_open(&old, "{\"longest_lease_h\": 87600}", 1); /* renews it */
  trail_shut(&old);
  trail_paths(&now);
  trail_open(&now, "{}", 1);
  trail_shut(&now);
  (void)snprintf(question, sizeof question,
                 "ATTACH '%s' AS old; CREATE TEMP TABLE same AS SELECT " SCHEMA
                 " AS a, " SCHEMA " AS b; CREATE TEMP TABLE told(yes CHECK(yes));"
                 "INSERT INTO told SELECT a = b AND length(a) > 3000 FROM same",
                 old.db, "main", "old");
  sql(now.db, question);
  trail_remove(&now);
  trail_remove(&old);
}

/* ---- every column comes back as it was given ---- */

#define LINE(field, ...) {#field, offsetof(struct cgp_audit_row, field)},
static const struct {
  const char *name;
  size_t offset;
} columns[AUD_COLS] = {AUD_COLUMNS(LINE)};

struct fields {
  char text[AUD_COLS][40];
};

static void see_fields(void *to, const void *result) {
  const struct cgp_audit_rows *rows = result;
  struct fields *seen = to;
  for (int i = 0; rows->n == 1 && i < AUD_COLS; i++)
    (void)snprintf(seen->text[i], sizeof seen->text[i], "%s",
                   *(const char *const *)((const char *)rows->rows + columns[i].offset));
}

static bool is_the_trails_own(int col) {
  return col == AUD_COL(id) || col == AUD_COL(time) || col == AUD_COL(node);
}

static void every_column_comes_back(void **state) {
  (void)state;
  struct trail t;
  struct fields given, seen = {0};
  struct cgp_audit_row row = cg_row_blank("");
  for (int i = 0; i < AUD_COLS; i++) {
    (void)snprintf(given.text[i], sizeof given.text[i], "text of %s", columns[i].name);
    *(const char **)((char *)&row + columns[i].offset) = given.text[i];
  }
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  assert_int_equal(add(&t, row), 1);
  struct harness_call c = {.copy = see_fields, .to = &seen};
  struct cgp_audit_filter f = anything(1);
  cg_audit_query(harness_drivers(t.h, 0), &f, harness_answered, &c);
  assert_int_equal(harness_wait(t.h, &c), CGP_OK);
  for (int i = 0; i < AUD_COLS; i++)
    if (is_the_trails_own(i))
      assert_string_not_equal(seen.text[i], given.text[i]);
    else
      assert_string_equal(seen.text[i], given.text[i]);
  trail_remove(&t);
}

/* ---- the guide ---- */

static void columns_of(const char *db, const char *view, char *out, size_t n) {
  char question[128];
  (void)snprintf(question, sizeof question,
                 "SELECT group_concat(name, ', ') FROM pragma_table_info('%s')", view);
  sql_text(db, question, out, n);
}

/* "| `view` | what | columns |": the third field. */
static void guide_says(const char *guide, const char *view, char *out, size_t n) {
  char start[32];
  (void)snprintf(start, sizeof start, "| `%s` | ", view);
  const char *line = strstr(guide, start);
  if (!line) fail_msg("README.md has no line on %s", view);
  const char *field = strstr(line + strlen(start), "| ") + 2;
  (void)snprintf(out, n, "%.*s", (int)(strstr(field, " |") - field), field);
}

static void the_guide_lists_the_columns_of_each_view(void **state) {
  (void)state;
  static const char *const views[] = {"decisions", "sessions", "trail"};
  char *guide = read_file(SOURCE_DIR "/plugins/audit_sqlite/README.md");
  struct trail t;
  trail_paths(&t);
  trail_open(&t, "{}", 1);
  char said[400], is[400];
  for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
    guide_says(guide, views[i], said, sizeof said);
    columns_of(t.db, views[i], is, sizeof is);
    assert_string_equal(said, is);
  }
  guide_says(guide, "denials", said, sizeof said);
  assert_string_equal(said, "the same");
  columns_of(t.db, "decisions", said, sizeof said);
  columns_of(t.db, "denials", is, sizeof is);
  assert_string_equal(said, is);
  trail_remove(&t);
  free(guide);
}

static void the_guide_hashes_the_columns_in_their_order(void **state) {
  (void)state;
#define NAME(field, ...) #field " "
  static const char names[] = AUD_COLUMNS(NAME);
  static const char before[] = "texts = \"\"\"";
  char *guide = read_file(SOURCE_DIR "/plugins/audit_sqlite/README.md");
  char *said = strstr(guide, before);
  assert_non_null(said);
  said += strlen(before);
  *strstr(said, "\"\"\"") = '\0';
  const char *rest = names;
  for (char *at = said, *name; (name = strtok_r(at, " \n", &at));) {
    assert_int_equal(strncmp(rest, name, strlen(name)), 0);
    rest += strlen(name) + 1;
  }
  assert_string_equal(rest, "");
  free(guide);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_trail_of_the_first_gate_goes_on),
      cmocka_unit_test(a_trail_of_the_first_gate_is_read_as_it_is),
      cmocka_unit_test(a_new_trail_has_the_old_ones_tables_and_views),
      cmocka_unit_test(every_column_comes_back),
      cmocka_unit_test(the_guide_lists_the_columns_of_each_view),
      cmocka_unit_test(the_guide_hashes_the_columns_in_their_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
