/* Texts of plugins are UTF-8 once the gate reads them, wherever in a result they lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "plugin/columns.h"
#include "plugin/texts.h"

#define BAD    "a\xff"
#define MENDED "a" CG_UTF8_REPLACEMENT

static struct cg_arena *copies;

static int free_copies(void **state) {
  (void)state;
  cg_arena_free(copies, NULL);
  copies = NULL;
  return 0;
}

static const void *mended(const struct cg_texts *texts, const void *result) {
  const void *read = cg_texts_mend(texts, result, &copies);
  assert_non_null(read);
  assert_ptr_not_equal(read, result);
  return read;
}

static void what_is_utf8_is_read_as_it_is(void **state) {
  (void)state;
  const struct cgp_health h = {.size = sizeof h, .text = "f\xc3\xbcr", .server = NULL};
  assert_ptr_equal(cg_texts_mend(&cg_texts_health, &h, &copies), &h);
  assert_null(copies);
}

static void texts_of_a_struct(void **state) {
  (void)state;
  const struct cgp_health h = {
      .size = sizeof h, .ok = true, .text = BAD, .server_version = "1"};
  const struct cgp_health *read = mended(&cg_texts_health, &h);
  assert_string_equal(read->text, MENDED);
  assert_null(read->server);
  assert_ptr_equal(read->server_version, h.server_version);
  assert_true(read->ok);
}

/* A health before servers were named: what comes behind its size is not looked at. */
static void what_an_older_minor_lacks_is_not_read(void **state) {
  (void)state;
  struct cgp_health h = {.size = offsetof(struct cgp_health, server), .text = BAD};
  memset(&h.server, 0xa5, sizeof h - h.size);
  const struct cgp_health *read = mended(&cg_texts_health, &h);
  assert_string_equal(read->text, MENDED);
  assert_null(read->server);
}

static void lists_within_structs(void **state) {
  (void)state;
  const char *const urls[] = {"turn:a", "turn:\xc3", NULL};
  const struct cgp_ice_server all[] = {
      {.size = sizeof *all, .urls = urls, .n_urls = 1, .ttl_s = 7},
      {.size = sizeof *all, .urls = urls, .n_urls = 2, .username = BAD, .credential = ""},
  };
  const struct cgp_ice_servers given = {sizeof given, all, 2}, *read;
  read = mended(&cg_texts_servers, &given);
  assert_int_equal(read->n, 2);
  const struct cgp_ice_server *last = CGP_AT(read->servers, 1);
  assert_int_equal(CGP_AT(read->servers, 0)->ttl_s, 7);
  assert_string_equal(last->urls[0], "turn:a");
  assert_string_equal(last->urls[1], "turn:" CG_UTF8_REPLACEMENT);
  assert_string_equal(last->username, MENDED);
}

static void rows_that_are_read(void **state) {
  (void)state;
  struct cgp_audit_row rows[2] = {cg_row_blank("end"), cg_row_blank("start")};
  rows[1].reason = BAD;
  rows[1].facts = "{\"a\":\"\xe2\x82\"}";
  const struct cgp_audit_rows given = {sizeof given, rows, 2, 9}, *read;
  read = mended(&cg_texts_rows, &given);
  assert_int_equal(read->next_seq, 9);
  assert_string_equal(CGP_AT(read->rows, 0)->kind, "end");
  assert_string_equal(CGP_AT(read->rows, 1)->reason, MENDED);
  assert_string_equal(CGP_AT(read->rows, 1)->facts,
                      "{\"a\":\"" CG_UTF8_REPLACEMENT "\"}");
}

static void rows_of_an_older_minor(void **state) {
  (void)state;
  struct cgp_audit_row rows[2] = {cg_row_blank("end"), cg_row_blank("start")};
  rows[0].size = rows[1].size = offsetof(struct cgp_audit_row, hash);
  rows[0].kind = BAD;
  rows[0].hash = (const char *)1; /* nobody's */
  char packed[2 * sizeof *rows];
  for (size_t i = 0; i < 2; i++)
    memcpy(packed + i * rows[0].size, &rows[i], rows[0].size);
  struct cgp_audit_row first;
  memcpy(&first, packed, rows[0].size);
  const struct cgp_audit_rows given = {sizeof given, (void *)packed, 2, 0}, *read;
  read = mended(&cg_texts_rows, &given);
  assert_string_equal(CGP_AT(read->rows, 0)->kind, MENDED);
  assert_string_equal(CGP_AT(read->rows, 0)->hash, "");
  assert_string_equal(CGP_AT(read->rows, 1)->kind, "start");
}

static const char *body_of(const char *type, uint32_t status, size_t *ret_n) {
  const struct cgp_http_reply r = {.size = sizeof r,
                                   .status = status,
                                   .content_type = type,
                                   .body = "\xff\0z",
                                   .body_len = 3};
  const struct cgp_http_reply *read = cg_texts_mend(&cg_texts_reply, &r, &copies);
  *ret_n = read->body_len;
  return read->body;
}

/* Pictures and the like are bytes; what is said to be text is. */
static void bodies_of_text(void **state) {
  static const struct {
    const char *type;
    uint32_t status;
    bool text;
  } rows[] = {
      {"text/html", 200, true},
      {"text/html; charset=utf-8", 200, true},
      {"text/html; charset=latin1", 200, false},
      {"application/json", 200, true},
      {"application/problem+json", 200, true},
      {"image/svg+xml", 200, true},
      {"image/png", 200, false},
      {"application/octet-stream", 200, false},
      {NULL, 400, true},
      {NULL, 200, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t n;
    const char *body = body_of(rows[i].type, rows[i].status, &n);
    assert_int_equal(n, rows[i].text ? 7 : 3);
    assert_memory_equal(
        body, rows[i].text ? CG_UTF8_REPLACEMENT CG_UTF8_REPLACEMENT "z" : "\xff\0z", n);
    free_copies(state);
  }
}

static void rows_on_their_way_into_the_trail(void **state) {
  (void)state;
  struct cgp_audit_row rows[2] = {cg_row_blank("end"), cg_row_blank("start")};
  assert_null(cg_texts_mend_rows(rows, 2));
  rows[1].subject = BAD;
  copies = cg_texts_mend_rows(rows, 2);
  assert_non_null(copies);
  assert_string_equal(rows[1].subject, MENDED);
}

static void a_text_without_memory_is_the_sign_alone(void **state) {
  (void)state;
  struct cgp_audit_row row = cg_row_blank("end");
  row.reason = BAD;
  row.facts = "{\"\xff\":1}";
  cg_mem_fail_after(1);
  copies = cg_texts_mend_rows(&row, 1);
  assert_string_equal(row.reason, CG_UTF8_REPLACEMENT);
  assert_string_equal(row.facts, "{\"" CG_UTF8_REPLACEMENT "\":1}");
}

static void without_memory_there_is_no_answer(void **state) {
  (void)state;
  const struct cgp_health h = {.size = sizeof h, .text = BAD};
  cg_mem_fail_after(1);
  assert_null(cg_texts_mend(&cg_texts_health, &h, &copies));
  assert_null(copies);
  cg_mem_fail_after(0);
}

#define TEST(name) cmocka_unit_test_teardown(name, free_copies)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_is_utf8_is_read_as_it_is),
      TEST(texts_of_a_struct),
      TEST(what_an_older_minor_lacks_is_not_read),
      TEST(lists_within_structs),
      TEST(rows_that_are_read),
      TEST(rows_of_an_older_minor),
      TEST(bodies_of_text),
      TEST(rows_on_their_way_into_the_trail),
      TEST(a_text_without_memory_is_the_sign_alone),
      TEST(without_memory_there_is_no_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
