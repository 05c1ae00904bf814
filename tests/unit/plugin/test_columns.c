/* The tables of columns name every text of a row and of a filter, each once. */
#include "plugin/columns.h"

#include <string.h>

#include "../base/test.h"

static int lines_at(const struct cg_column *columns, size_t offset) {
  int n = 0;
  for (const struct cg_column *c = columns; c->name; c++) n += c->offset == offset;
  return n;
}

/* The texts lie between `from` and `to`, but for the 8 bytes at `skip`. */
static void expect_all(const struct cg_column *columns, size_t from, size_t to,
                       size_t skip) {
  for (size_t at = from; at < to; at += sizeof(const char *))
    assert_int_equal(lines_at(columns, at), at != skip);
}

static void every_text_has_a_line(void **state) {
  (void)state;
  expect_all(cg_row_columns, offsetof(struct cgp_audit_row, kind),
             sizeof(struct cgp_audit_row), offsetof(struct cgp_audit_row, seq));
  expect_all(cg_filter_columns, offsetof(struct cgp_audit_filter, since),
             offsetof(struct cgp_audit_filter, after_seq), SIZE_MAX);
}

static void blank_means_empty_texts(void **state) {
  (void)state;
  struct cgp_audit_row row = cg_row_blank("end");
  assert_int_equal(row.size, sizeof row);
  assert_int_equal(row.seq, 0);
  assert_string_equal(row.kind, "end");
  assert_string_equal(row.facts, "{}");
  assert_string_equal(row.policy_revision, "");
  struct cgp_audit_filter f = cg_filter_blank();
  assert_int_equal(f.size, sizeof f);
  assert_string_equal(f.lease_id, "");
  assert_int_equal(f.limit, 0);
  assert_false(f.newest_first);
}

static void an_older_row_ends_before_a_newer_column(void **state) {
  (void)state;
  struct cgp_audit_row row = cg_row_blank("end");
  row.hash = "0a";
  row.size = offsetof(struct cgp_audit_row, hash);
  for (const struct cg_column *c = cg_row_columns; c->name; c++)
    if (c->offset == offsetof(struct cgp_audit_row, hash))
      assert_string_equal(cg_column_text(&row, c), "");
}

static void a_row_as_json(void **state) {
  (void)state;
  struct cgp_audit_row row = cg_row_blank("decision");
  row.seq = 7;
  row.reason = "\"no\"";
  row.facts = "{\"a\":1}";
  struct cg_buf b;
  cg_buf_init(&b, 4096);
  cg_row_json(&b, &row);
  const char *text = cg_buf_text(&b);
  assert_int_equal(strncmp(text, "{\"seq\":7,\"id\":\"\",", 17), 0);
  assert_non_null(strstr(text, "\"reason\":\"\\\"no\\\"\","));
  assert_non_null(strstr(text, ",\"facts\":{\"a\":1}}"));
  cg_buf_done(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_text_has_a_line),
      cmocka_unit_test(blank_means_empty_texts),
      cmocka_unit_test(an_older_row_ends_before_a_newer_column),
      cmocka_unit_test(a_row_as_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
