/* The strict reader: what passes, what is refused with which status, and that neither
 * depends on how the bytes were cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/message.h"
#include "http/query.h"
#include "http/target.h"

static const struct cg_message_limits limits = {16384, 64, 65536};

#define LINE  "GET / HTTP/1.1\r\n"
#define HOST  "Host: a\r\n"
#define GET   LINE HOST
#define POST  "POST /p HTTP/1.1\r\n" HOST
#define END   "\r\n"
#define P(t)  "GET " t " HTTP/1.1\r\n" HOST END
#define H(h)  GET h "\r\n" END
#define CL(v) POST "Content-Length: " v "\r\n" END "abc"

/* A text with its length, so that it may hold NULs. */
#define T(text) text, sizeof(text) - 1

static const struct refusal {
  int status;
  const char *text;
  size_t len;
} refusals[] = {
    /* request line */
    {400, T("\r\n\r\n")},
    {400, T("\n")},
    {400, T(" GET / HTTP/1.1\r\n" HOST END)},
    {400, T("\tGET / HTTP/1.1\r\n" HOST END)},
    {400, T("GET  / HTTP/1.1\r\n" HOST END)},
    {400, T("GET /  HTTP/1.1\r\n" HOST END)},
    {400, T("GET / HTTP/1.1 \r\n" HOST END)},
    {400, T("GET /\tHTTP/1.1\r\n" HOST END)},
    {400, T("GET\t/ HTTP/1.1\r\n" HOST END)},
    {400, T("GET /\r\n" HOST END)},
    {400, T("GET\r\n" HOST END)},
    {400, T("GET / HTTP/1.1 x\r\n" HOST END)},
    {400, T("GET / x HTTP/1.1\r\n" HOST END)},
    {400, T("GET / HTTP/1.2\r\n" HOST END)},
    {400, T("GET / HTTP/2.0\r\n" HOST END)},
    {400, T("GET / HTTP/0.9\r\n" HOST END)},
    {400, T("GET / HTTP/1\r\n" HOST END)},
    {400, T("GET / HTTP/1.10\r\n" HOST END)},
    {400, T("GET / HTTP/1.1.1\r\n" HOST END)},
    {400, T("GET / http/1.1\r\n" HOST END)},
    {400, T("GET / HTTP/11\r\n" HOST END)},
    {400, T("GET / HTTP/-1.1\r\n" HOST END)},
    {400, T("GET / HTTP 1.1\r\n" HOST END)},
    {400, T("GET / HTTPS/1.1\r\n" HOST END)},
    {400, T("GET / HTTP/+1.1\r\n" HOST END)},
    {400, T("GET / HTTP/1.1\n" HOST END)},
    {400, T("GET / HTTP/1.1\r" HOST END)},
    {400, T("GET / HTTP/1.1\r\r\n" HOST END)},
    {400, T("GET / HTTP/1.1\0\r\n" HOST END)},
    {400, T("G\0ET / HTTP/1.1\r\n" HOST END)},
    {400, T("G@T / HTTP/1.1\r\n" HOST END)},
    {400, T("G(T / HTTP/1.1\r\n" HOST END)},
    {400, T("GET/ HTTP/1.1\r\n" HOST END)},
    {400, T(":GET / HTTP/1.1\r\n" HOST END)},
    {400, T("\xc3\x84 / HTTP/1.1\r\n" HOST END)},
    {400, T("ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\n" HOST END)},
    {400, T("\x16\x03\x01\x02")},
    {400, T("\0")},
    {400, T("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
    {400, T("HTTP/1.1 200 OK\r\n" END)},
    {400, T(END GET "\n")},
    {400, T(END END GET END)},
    /* target */
    {400, T(P("*"))},
    {400, T(P("http://a/"))},
    {400, T(P("https://a/x"))},
    {400, T(P("HTTP://a"))},
    {400, T(P("a:80"))},
    {400, T(P("a"))},
    {400, T(P("?x"))},
    {400, T(P(""))},
    {400, T("CONNECT a:80 HTTP/1.1\r\n" HOST END)},
    {400, T("OPTIONS * HTTP/1.1\r\n" HOST END)},
    {400, T(P("/."))},
    {400, T(P("/.."))},
    {400, T(P("/../"))},
    {400, T(P("/a/.."))},
    {400, T(P("/a/../b"))},
    {400, T(P("/a/./b"))},
    {400, T(P("/%2e"))},
    {400, T(P("/%2E%2e/b"))},
    {400, T(P("/.%2e/b"))},
    {400, T(P("/a/%2e/b"))},
    {400, T(P("/a%2fb"))},
    {400, T(P("/a%2Fb"))},
    {400, T(P("/a%5cb"))},
    {400, T(P("/a\\b"))},
    {400, T(P("/a%00"))},
    {400, T(P("/a%0d%0ax"))},
    {400, T(P("/a%0a"))},
    {400, T(P("/a%7f"))},
    {400, T(P("/a%"))},
    {400, T(P("/a%2"))},
    {400, T(P("/a%zz"))},
    {400, T(P("/a%2g"))},
    {400, T(P("/a%g2"))},
    {400, T(P("/%%20"))},
    {400, T(P("/#frag"))},
    {400, T(P("/a#frag"))},
    {400, T(P("/?a#frag"))},
    {400, T(P("/a\"b"))},
    {400, T(P("/a<b"))},
    {400, T(P("/a>b"))},
    {400, T(P("/a|b"))},
    {400, T(P("/a^b"))},
    {400, T(P("/a`b"))},
    {400, T(P("/{id}"))},
    {400, T(P("/a[b]"))},
    {400, T(P("/\xc3\xa4"))},
    {400, T(P("/\x7f"))},
    {400, T(P("/\x01"))},
    {400, T(P("/?a=%"))},
    {400, T(P("/?a=%1"))},
    {400, T(P("/?a=%xy"))},
    {400, T(P("/?a=%00"))},
    {400, T(P("/?a=\"x\""))},
    {400, T(P("/?a=[1]"))},
    {400, T(P("/?a=\xff"))},
    /* field lines */
    {400, T(GET "X\r\n" END)},
    {400, T(GET ": x\r\n" END)},
    {400, T(GET "X : y\r\n" END)},
    {400, T(GET "X\t: y\r\n" END)},
    {400, T(GET " X: y\r\n" END)},
    {400, T(GET "\tX: y\r\n" END)},
    {400, T(GET "X: y\r\n z\r\n" END)},
    {400, T(GET "X: y\r\n\tz\r\n" END)},
    {400, T(LINE " Host: a\r\n" END)},
    {400, T(GET "X Y: z\r\n" END)},
    {400, T(GET "X(Y): z\r\n" END)},
    {400, T(GET "X/Y: z\r\n" END)},
    {400, T(GET "X@Y: z\r\n" END)},
    {400, T(GET "\xc3\xa4: z\r\n" END)},
    {400, T(GET "X\0: z\r\n" END)},
    {400, T(GET "X: \0\r\n" END)},
    {400, T(GET "X: a\0b\r\n" END)},
    {400, T(GET "X: a\x01z\r\n" END)},
    {400, T(GET "X: a\x0bz\r\n" END)},
    {400, T(GET "X: a\x0cz\r\n" END)},
    {400, T(GET "X: a\x1bz\r\n" END)},
    {400, T(GET "X: a\x7fz\r\n" END)},
    {400, T(GET "X: a\rb\r\n" END)},
    {400, T(GET "X: a\r\r\n" END)},
    {400, T(GET "X: a\n" END)},
    {400, T(GET "X: a\nY: b\r\n" END)},
    {400, T(GET "\n")},
    {400, T(GET "\r\r\n")},
    {400, T(GET "\rX")},
    {400, T(GET "X: a\n\n")},
    {400, T(GET "=: a\r\n" END)},
    {400, T(GET "[x]: a\r\n" END)},
    {400, T(GET "{x}: a\r\n" END)},
    {400, T(GET "\"x\": a\r\n" END)},
    {400, T(GET "x,y: a\r\n" END)},
    {400, T(GET "x;y: a\r\n" END)},
    {400, T(GET "GET / HTTP/1.1\r\n" END)},
    /* Host */
    {400, T(LINE END)},
    {400, T(LINE "X: a\r\n" END)},
    {400, T(GET HOST END)},
    {400, T(GET "host: a\r\n" END)},
    {400, T(GET "HOST: b\r\n" END)},
    {400, T(LINE "Host:\r\n" END)},
    {400, T(LINE "Host: \r\n" END)},
    {400, T(LINE "Host: a b\r\n" END)},
    {400, T(LINE "Host: a, b\r\n" END)},
    {400, T(LINE "Host: a/b\r\n" END)},
    {400, T(LINE "Host: a@b\r\n" END)},
    {400, T(LINE "Host: http://a\r\n" END)},
    {400, T(LINE "Host: a?b\r\n" END)},
    {400, T(LINE "Host: a#b\r\n" END)},
    {400, T(LINE "Host: a\\b\r\n" END)},
    {400, T(LINE "Host: a:b\r\n" END)},
    {400, T(LINE "Host: a:80:80\r\n" END)},
    {400, T(LINE "Host: a:65536\r\n" END)},
    {400, T(LINE "Host: a:+80\r\n" END)},
    {400, T(LINE "Host: a:-1\r\n" END)},
    {400, T(LINE "Host: :80\r\n" END)},
    {400, T(LINE "Host: []\r\n" END)},
    {400, T(LINE "Host: [::1\r\n" END)},
    {400, T(LINE "Host: [::1]x\r\n" END)},
    {400, T(LINE "Host: [xyz]\r\n" END)},
    {400, T(LINE "Host: ::1\r\n" END)},
    {400, T(LINE "Host: \xc3\xa4\r\n" END)},
    {400, T("GET / HTTP/1.0\r\n" HOST HOST END)},
    {400, T("GET / HTTP/1.0\r\nHost: a b\r\n" END)},
    /* Content-Length */
    {400, T(CL(""))},
    {400, T(CL("+3"))},
    {400, T(CL("-3"))},
    {400, T(CL("3 3"))},
    {400, T(CL("3,3"))},
    {400, T(CL("3, 3"))},
    {400, T(CL("3;"))},
    {400, T(CL("0x3"))},
    {400, T(CL("03"))},
    {400, T(CL("00"))},
    {400, T(CL("3.0"))},
    {400, T(CL("3e0"))},
    {400, T(CL("\"3\""))},
    {400, T(CL("three"))},
    {400, T(CL("\xb2"))},
    {400, T(CL("3\0"))},
    {400, T(CL("3\x0b"))},
    {400, T(CL("_3"))},
    {400, T(CL("1_0"))},
    {400, T(POST "Content-Length: 3\r\nContent-Length: 3\r\n" END "abc")},
    {400, T(POST "Content-Length: 3\r\nContent-Length: 0\r\n" END "abc")},
    {400, T(POST "content-length: 0\r\nCONTENT-LENGTH: 3\r\n" END "abc")},
    {400, T(POST "Content-Length : 3\r\n" END "abc")},
    {400, T(POST "Content-Length\r\n" END "abc")},
    {400, T(POST " Content-Length: 3\r\n" END "abc")},
    {400, T(GET "Content-Length: 3\r\n" END "abc")},
    {400, T("HEAD / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n" END "a")},
    {400, T("DELETE / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n" END "a")},
    {413, T(CL("65537"))},
    {413, T(CL("999999999"))},
    {413, T(CL("4294967296"))},
    {413, T(CL("4294967299"))},
    {413, T(CL("18446744073709551616"))},
    {413, T(CL("18446744073709551619"))},
    {413, T(CL("99999999999999999999999999999999"))},
    {411, T(POST END)},
    {411, T("PUT / HTTP/1.1\r\n" HOST END)},
    {411, T("PATCH / HTTP/1.1\r\n" HOST END)},
    {411, T("POST / HTTP/1.0\r\n" END)},
    /* Transfer-Encoding, with and without a length beside it */
    {411, T(POST "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n")},
    {411, T(POST "Transfer-Encoding: Chunked\r\n" END)},
    {411, T(POST "transfer-encoding: identity\r\n" END)},
    {411, T(POST "Transfer-Encoding: xchunked\r\n" END)},
    {411, T(POST "Transfer-Encoding: chunked, identity\r\n" END)},
    {411, T(POST "Transfer-Encoding: identity, chunked\r\n" END)},
    {411, T(POST "Transfer-Encoding: gzip, chunked\r\n" END)},
    {411, T(POST "Transfer-Encoding:chunked\r\n" END)},
    {411, T(POST "Transfer-Encoding:\tchunked\r\n" END)},
    {411, T(POST "Transfer-Encoding: \"chunked\"\r\n" END)},
    {411, T(POST "Transfer-Encoding:\r\n" END)},
    {411, T(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" END "abc")},
    {411, T(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" END "abc")},
    {411, T(POST "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n" END)},
    {411, T(GET "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n")},
    {411, T("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END)},
    {400, T(POST "Transfer-Encoding : chunked\r\n" END)},
    {400, T(POST "Transfer-Encoding\t: chunked\r\n" END)},
    {400, T(POST " Transfer-Encoding: chunked\r\n" END)},
    {400, T(POST "Transfer-Encoding: \x0b"
                 "chunked\r\n" END)},
    {400, T(POST "X: y\nTransfer-Encoding: chunked\r\n" END)},
    {400, T(POST "X: y\rTransfer-Encoding: chunked\r\n" END)},
    {400, T(POST "\0Transfer-Encoding: chunked\r\n" END)},
    {400, T(POST "Transfer-Encoding\0: chunked\r\n" END)},
    {400, T(POST "Transfer Encoding: chunked\r\n" END)},
    /* Connection, Expect, Upgrade, singletons */
    {400, T(H("Connection: cl ose"))},
    {400, T(H("Connection: \"close\""))},
    {400, T(H("Connection: close; x"))},
    {400, T(H("Connection: Host"))},
    {400, T(H("Connection: close, content-length"))},
    {400, T(H("Connection: Transfer-Encoding"))},
    {400, T(H("Connection: authorization"))},
    {400, T(H("Connection: keep-alive, connection"))},
    {400, T(H("Expect: 200-ok"))},
    {400, T(H("Expect:"))},
    {400, T(H("Expect: 100-continue, x"))},
    {400, T(H("Expect: 100-continue\r\nExpect: 100-continue"))},
    {400, T(H("Upgrade:"))},
    {400, T(H("Authorization: a\r\nAuthorization: b"))},
    {400, T(H("authorization: a\r\nAUTHORIZATION: a"))},
    {400, T(H("Content-Type: a\r\nContent-Type: b"))},
    {400, T(H("Idempotency-Key: a\r\nIdempotency-Key: b"))},
    {400, T(H("Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: b"))},
};

static const struct passing {
  const char *text;
  size_t len, more; /* more: bytes behind the message */
  const char *path, *query;
  bool close;
} passing[] = {
    {T(GET END), 0, "/", "", false},
    {T(END GET END), 0, "/", "", false},
    {T(GET END "GET"), 3, "/", "", false},
    {T(P("/a/b;c=d/@:!$&'()*+,=-._~")), 0, "/a/b;c=d/@:!$&'()*+,=-._~", "", false},
    {T(P("/%41%7e")), 0, "/%41%7e", "", false},
    {T(P("/...")), 0, "/...", "", false},
    {T(P("/.a/b.")), 0, "/.a/b.", "", false},
    {T(P("//a")), 0, "//a", "", false},
    {T(P("/?")), 0, "/", "", false},
    {T(P("/a?b=../c?d/e")), 0, "/a", "b=../c?d/e", false},
    {T("GET / HTTP/1.0\r\n" END), 0, "/", "", true},
    {T("GET / HTTP/1.0\r\nConnection: keep-alive\r\n" END), 0, "/", "", true},
    {T("BREW / HTTP/1.1\r\n" HOST END), 0, "/", "", false},
    {T(H("Connection: close")), 0, "/", "", true},
    {T(H("Connection: , Keep-Alive ,\tCLOSE,")), 0, "/", "", true},
    {T(H("Connection: keep-alive\r\nConnection: close")), 0, "/", "", true},
    {T(H("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c")), 0, "/", "", false},
    {T(H("X:")), 0, "/", "", false},
    {T(H("X:\t y \t")), 0, "/", "", false},
    {T(H("X: \xc3\xa4 : \"quoted\"")), 0, "/", "", false},
    {T(H("Content-Length: 0")), 0, "/", "", false},
    {T(LINE "Host: a.example:8090\r\n" END), 0, "/", "", false},
    {T(LINE "Host: [::1]:65535\r\n" END), 0, "/", "", false},
    {T(LINE "Host: [::ffff:1.2.3.4]\r\n" END), 0, "/", "", false},
    {T(LINE "Host: a:\r\n" END), 0, "/", "", false},
    {T("DELETE /x HTTP/1.1\r\n" HOST END), 0, "/x", "", false},
    {T(CL("0")), 3, "/p", "", false},
    {T(CL("2")), 1, "/p", "", false},
    {T(CL("3")), 0, "/p", "", false},
    {T(CL("  3 \t")), 0, "/p", "", false},
    {T(POST "Content-Length: 3\r\nExpect: 100-Continue\r\n" END "a\0\n"), 0, "/p", "",
     false},
};

static struct cg_message read_at_once(const char *text, size_t len) {
  struct cg_message m;
  cg_message_init(&m);
  cg_message_feed(&m, &limits, text, len);
  return m;
}

/* First `cut` bytes, then all; or byte by byte when cut is 0.  The text lies in a block of
 * exactly its size, so that a read beyond what was given is seen. */
static struct cg_message read_cut(const char *text, size_t len, size_t cut) {
  struct cg_message m;
  cg_message_init(&m);
  for (size_t n = cut ? cut : 1; m.state == CG_MESSAGE_MORE && n <= len;
       n = cut && n < len ? len : n + 1) {
    char *part = malloc(n);
    assert_non_null(part);
    memcpy(part, text, n);
    cg_message_feed(&m, &limits, part, n);
    free(part);
  }
  return m;
}

static void test_refusals(void **state) {
  (void)state;
  assert_true(CG_COUNT(refusals) >= 200);
  for (size_t i = 0; i < CG_COUNT(refusals); i++) {
    struct cg_message m = read_at_once(refusals[i].text, refusals[i].len);
    int status =
        m.state == CG_MESSAGE_REFUSED ? cg_code_info(m.code)->status : (int)m.state;
    if (status != refusals[i].status)
      fail_msg("%zu: %d, not %d: %s", i, status, refusals[i].status, refusals[i].text);
    assert_non_null(m.why);
  }
}

static void test_refusals_do_not_depend_on_cuts(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(refusals); i++) {
    struct cg_message whole = read_at_once(refusals[i].text, refusals[i].len);
    for (size_t cut = 0; cut <= refusals[i].len; cut++) {
      struct cg_message m = read_cut(refusals[i].text, refusals[i].len, cut);
      assert_int_equal(m.state, CG_MESSAGE_REFUSED);
      assert_int_equal(m.code, whole.code);
      assert_ptr_equal(m.why, whole.why);
    }
  }
}

static void check_passing(const struct passing *p, const struct cg_message *m) {
  if (m->state != CG_MESSAGE_READY) fail_msg("%s: %s", p->text, m->why ? m->why : "more");
  assert_int_equal(m->head_len + m->body_len + p->more, p->len);
  assert_int_equal(m->path.len, strlen(p->path));
  assert_memory_equal(p->text + m->path.at, p->path, m->path.len);
  assert_int_equal(m->query.len, strlen(p->query));
  assert_memory_equal(p->text + m->query.at, p->query, m->query.len);
  assert_int_equal(m->close, p->close);
}

static void test_passing_at_every_cut(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(passing); i++) {
    struct cg_message m = read_at_once(passing[i].text, passing[i].len);
    check_passing(&passing[i], &m);
    for (size_t cut = 0; cut <= passing[i].len; cut++) {
      m = read_cut(passing[i].text, passing[i].len, cut);
      check_passing(&passing[i], &m);
    }
  }
}

static void test_prefixes_need_more(void **state) {
  (void)state;
  static const char text[] = CL("3");
  for (size_t n = 0; n < sizeof text - 1; n++)
    assert_int_equal(read_at_once(text, n).state, CG_MESSAGE_MORE);
}

static void test_fields(void **state) {
  (void)state;
  static const char text[] = GET "X-One:  a b \t\r\nX-Two:\r\n" END;
  struct cg_message m = read_at_once(text, sizeof text - 1);
  assert_int_equal(m.n_fields, 3);
  assert_true(cg_span_is(text, m.fields[1].name, "x-one"));
  assert_true(cg_span_is(text, m.fields[1].value, "a b"));
  assert_int_equal(m.fields[2].value.len, 0);
}

static int status_of(const char *text, size_t len) {
  struct cg_message whole = read_at_once(text, len);
  struct cg_message bytewise;
  cg_message_init(&bytewise);
  for (size_t n = 1; n <= len; n++) cg_message_feed(&bytewise, &limits, text, n);
  assert_int_equal(whole.state, bytewise.state);
  assert_int_equal(whole.code, bytewise.code);
  return whole.state == CG_MESSAGE_REFUSED ? cg_code_info(whole.code)->status : 0;
}

static int status_with(const char *before, size_t fill, const char *after) {
  size_t b = strlen(before), a = strlen(after);
  char *text = malloc(b + fill + a);
  assert_non_null(text);
  memcpy(text, before, b);
  memset(text + b, 'x', fill);
  memcpy(text + b + fill, after, a);
  int status = status_of(text, b + fill + a);
  free(text);
  return status;
}

static void test_sizes(void **state) {
  (void)state;
  static const char rest[] = " HTTP/1.1\r\n" HOST END, tail[] = "\r\n" END;
  assert_int_equal(status_with("GET /", 8191, rest), 0);
  assert_int_equal(status_with("GET /", 8192, rest), 414);
  assert_int_equal(status_with("GET /", 20000, ""), 414);
  assert_int_equal(status_with("", 20000, ""), 414);
  size_t fixed = sizeof(GET "X: ") - 1 + sizeof tail - 1;
  assert_int_equal(status_with(GET "X: ", 16384 - fixed, tail), 0);
  assert_int_equal(status_with(GET "X: ", 16385 - fixed, tail), 431);
  assert_int_equal(status_with(GET "X: ", 200000, ""), 431);
  assert_int_equal(status_with(GET, 200000, ""), 431);
}

static int status_with_fields(int n) {
  char text[8192];
  size_t at = (size_t)snprintf(text, sizeof text, "%s", GET);
  for (int i = 1; i < n; i++)
    at += (size_t)snprintf(text + at, sizeof text - at, "X-%d: y\r\n", i);
  at += (size_t)snprintf(text + at, sizeof text - at, "\r\n");
  return status_of(text, at);
}

static void test_field_count(void **state) {
  (void)state;
  assert_int_equal(status_with_fields(64), 0);
  assert_int_equal(status_with_fields(65), 431);
}

static void test_begun_is_not_an_empty_line(void **state) {
  (void)state;
  assert_false(read_at_once("\r\n", 2).begun);
  assert_true(read_at_once("\r\nG", 3).begun);
}

static const char *query(const char *text, struct cg_query **all, uint32_t *n,
                         struct cg_arena *arena) {
  char *copy = cg_arena_strdup(arena, text);
  return cg_query_parse(copy, strlen(copy), arena, all, n);
}

static void test_queries(void **state) {
  (void)state;
  static const char *const bad[] = {
      "a=1&a=2",        "=1",    "a&&b",  "&",     "a=%ff",    "a=%c0%80", "a=%ed%a0%80",
      "a=%f4%90%80%80", "a=%01", "%0a=1", "a=%7f", "a=%e2%82", "a=%80",    "a=1&%61=2"};
  struct cg_arena *arena = cg_arena_new(NULL, 65536);
  struct cg_query *all;
  uint32_t n;
  assert_null(query("since=2026-01-01T00:00:00%2B01:00&q=a+b%20c&empty=&bare&u=%e2%82%ac",
                    &all, &n, arena));
  assert_int_equal(n, 5);
  assert_string_equal(all[0].value, "2026-01-01T00:00:00+01:00");
  assert_string_equal(all[1].value, "a b c");
  assert_string_equal(all[2].value, "");
  assert_string_equal(all[3].name, "bare");
  assert_string_equal(all[4].value, "\xe2\x82\xac");
  for (size_t i = 0; i < CG_COUNT(bad); i++)
    if (!query(bad[i], &all, &n, arena)) fail_msg("%s passed", bad[i]);
  char many[200] = "";
  for (int i = 0; i < 33; i++)
    snprintf(many + strlen(many), sizeof many - strlen(many), "%sp%d", i ? "&" : "", i);
  assert_non_null(query(many, &all, &n, arena));
  cg_arena_free(arena, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_refusals_do_not_depend_on_cuts),
      cmocka_unit_test(test_passing_at_every_cut),
      cmocka_unit_test(test_prefixes_need_more),
      cmocka_unit_test(test_fields),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_field_count),
      cmocka_unit_test(test_begun_is_not_an_empty_line),
      cmocka_unit_test(test_queries),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
