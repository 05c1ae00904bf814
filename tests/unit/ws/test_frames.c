/* Frames written and read again, cut anywhere, without memory, and what they leave. */
#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "ws/frames.h"

#define MOST 100000

/* What a reader says of some bytes, as one text. */
struct told {
  char text[4096];
  size_t len;
};

static void note(struct told *t, enum cg_ws_read read, const struct cg_ws_message *m) {
  char *at = t->text + t->len;
  size_t room = sizeof t->text - t->len;
  if (read == CG_WS_FAILED)
    t->len += (size_t)snprintf(at, room, "%u %s;", m->code, m->data);
  else
    t->len += (size_t)snprintf(at, room, "%u/%u/%zu/%.*s;", m->type, m->code, m->len,
                               m->len < 9 ? (int)m->len : 9, m->data);
  assert_true(t->len < sizeof t->text);
}

static void read_all(struct cg_ws_reader *r, struct told *t) {
  struct cg_ws_message m;
  enum cg_ws_read read;
  while ((read = cg_ws_reader_next(r, &m)) != CG_WS_MORE) note(t, read, &m);
}

static struct told read_in_pieces(const char *bytes, size_t n, size_t piece,
                                  bool client) {
  struct told t = {.len = 0};
  struct cg_ws_reader r = {.in = evbuffer_new(), .most = MOST, .from_client = client};
  for (size_t at = 0; at < n; at += piece) {
    evbuffer_add(r.in, bytes + at, n - at < piece ? n - at : piece);
    read_all(&r, &t);
  }
  cg_ws_reader_done(&r);
  evbuffer_free(r.in);
  return t;
}

/* The same, wherever the bytes are cut. */
static struct told read_bytes(const char *bytes, size_t n, bool client) {
  struct told all = read_in_pieces(bytes, n, n, client);
  for (size_t piece = 1; piece < 40; piece++) {
    struct told t = read_in_pieces(bytes, n, piece, client);
    assert_string_equal(t.text, all.text);
  }
  return all;
}

static char *written(enum cg_ws_type type, bool masked, const char *data, size_t len,
                     size_t *ret_n) {
  struct evbuffer *out = evbuffer_new();
  assert_true(cg_ws_write(out, type, masked, data, len));
  *ret_n = evbuffer_get_length(out);
  char *bytes = malloc(*ret_n + 1);
  assert_non_null(bytes);
  evbuffer_remove(out, bytes, *ret_n);
  evbuffer_free(out);
  return bytes;
}

static void test_what_is_written_is_read(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 1, 125, 126, 127, 4095, 4096, 65535, 65536, MOST};
  static char data[MOST];
  memset(data, 'w', sizeof data);
  for (size_t i = 0; i < CG_COUNT(lengths); i++)
    for (int masked = 0; masked < 2; masked++) {
      size_t n, len = lengths[i];
      char *bytes = written(CG_WS_BINARY, masked, data, len, &n), want[64];
      size_t head = len < 126 ? 2 : len < 65536 ? 4 : 10;
      assert_int_equal(n, head + len + (masked ? 4 : 0));
      snprintf(want, sizeof want, "2/0/%zu/%.*s;", len, len < 9 ? (int)len : 9, data);
      assert_string_equal(read_bytes(bytes, n, masked).text, want);
      free(bytes);
    }
}

static void test_masks_differ(void **state) {
  (void)state;
  size_t n;
  char *a = written(CG_WS_TEXT, true, "same", 4, &n);
  char *b = written(CG_WS_TEXT, true, "same", 4, &n);
  assert_int_equal(n, 10);
  assert_memory_not_equal(a, b, n);
  free(a);
  free(b);
}

/* Of a server: not masked. */
static const struct row {
  const char *bytes;
  size_t n;
  const char *told;
} rows[] = {
#define ROW(bytes, told)                                                                 \
  { bytes, sizeof bytes - 1, told }
    ROW("\x81\x02hi", "1/0/2/hi;"),
    ROW("\x01\x02hi\x89\x01p\x80\x01!", "9/0/1/p;1/0/3/hi!;"),
    ROW("\x88\x00", "8/1005/0/;"),
    ROW("\x88\x04\x03\xe8ok", "8/1000/2/ok;"),
    ROW("\x88\x01x", "1002 half a code of close;"),
    ROW("\x88\x02\x03\xed", "1002 a code of close that may not be sent;"),
    ROW("\x81\x81keysx", "1002 a frame is masked;"),
    ROW("\x81\x02h\xff", "1007 a text is not UTF-8;"),
    ROW("\x81\x04h\xed\xa0", "1007 a text is not UTF-8;"),
    ROW("\x82\x7f\x00\x00\x00\x00\x00\x01\x86\xa1x", "1009 the message is too big;"),
    ROW("\x82\x7f\xff\x00\x00\x00\x00\x01\x86\xa1x", "1002 a frame's head is wrong;"),
    ROW("\x82\x7e\x00\x7d", "1002 a frame's head is wrong;"),
    ROW("\xc1\x00", "1002 a reserved bit is set;"),
    ROW("\x83\x00", "1002 an opcode is not known;"),
    ROW("\x80\x00", "1002 a fragment continues nothing;"),
    ROW("\x01\x00\x81\x00", "1002 a message begins inside another;"),
    ROW("\x09\x00", "1002 a frame's head is wrong;"),
    ROW("\x89\x7e", "1002 a frame's head is wrong;"),
    ROW("\x81\x02hi\x83\x00\x81\x02no", "1/0/2/hi;1002 an opcode is not known;"),
#undef ROW
};

static void test_rules(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(rows); i++)
    assert_string_equal(read_bytes(rows[i].bytes, rows[i].n, false).text, rows[i].told);
}

static void test_nothing_is_kept_between_frames(void **state) {
  (void)state;
  struct told t = {.len = 0};
  struct cg_ws_reader r = {.in = evbuffer_new(), .most = MOST};
  for (int i = 0; i < 3; i++) {
    evbuffer_add(r.in, "\x01\x02hi\x80\x01", 6);
    read_all(&r, &t);
    assert_non_null(r.frames);
    assert_non_null(r.text);
    evbuffer_add(r.in, "!\x89", 2);
    read_all(&r, &t);
    evbuffer_add(r.in, "\x00", 1);
    read_all(&r, &t);
    assert_null(r.frames);
    assert_null(r.text);
  }
  cg_ws_reader_done(&r);
  evbuffer_free(r.in);
}

/* A frame may say what it likes of its length: memory is for the bytes that come. */
static void test_a_length_takes_no_memory(void **state) {
  (void)state;
  struct told t = {.len = 0};
  struct cg_ws_reader r = {.in = evbuffer_new(), .most = SIZE_MAX};
  evbuffer_add(r.in, "\x82\x7f\x00\xff\xff\xff\xff\xff\xff\xffhello", 15);
  read_all(&r, &t);
  assert_int_equal(t.len, 0);
  assert_int_equal(r.len, 5);
  assert_true(r.cap <= 4096);
  cg_ws_reader_done(&r);
  evbuffer_free(r.in);
}

static void test_without_memory_for_a_message(void **state) {
  (void)state;
  struct told t = {.len = 0};
  struct cg_ws_reader r = {.in = evbuffer_new(), .most = MOST};
  evbuffer_add(r.in, "\x01\x02hi\x80\x01!", 7);
  cg_mem_fail_after(1);
  read_all(&r, &t);
  cg_mem_fail_after(0);
  assert_string_equal(t.text, "1011 there is no memory for the message;");
  cg_ws_reader_done(&r);
  evbuffer_free(r.in);
}

static void test_codes(void **state) {
  (void)state;
  static const unsigned bad[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535};
  static const unsigned good[] = {1000, 1003, 1007, 1014, 3000, 3999, 4000, 4999};
  for (size_t i = 0; i < CG_COUNT(bad); i++) assert_false(cg_ws_code_valid(bad[i]));
  for (size_t i = 0; i < CG_COUNT(good); i++) assert_true(cg_ws_code_valid(good[i]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_written_is_read),
      cmocka_unit_test(test_masks_differ),
      cmocka_unit_test(test_rules),
      cmocka_unit_test(test_nothing_is_kept_between_frames),
      cmocka_unit_test(test_a_length_takes_no_memory),
      cmocka_unit_test(test_without_memory_for_a_message),
      cmocka_unit_test(test_codes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
