/* What the strict reader lets through, at every cut, and where its sizes end. */
#include "http/query.h"
#include "http/reading.h"

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
    {T(P("/?a=auth0|5f7c&b=^[]{}`\"")), 0, "/", "a=auth0|5f7c&b=^[]{}`\"", false},
    {T(P("http://a/")), 0, "/", "", false},
    {T(P("http://a")), 0, "/", "", false},
    {T(P("HTTP://a:80?b=/c")), 0, "/", "b=/c", false},
    {T(P("https://[::1]:443/x/y?z")), 0, "/x/y", "z", false},
    {T(P("http://other/x?")), 0, "/x", "", false},
    {T("OPTIONS * HTTP/1.1\r\n" HOST END), 0, "*", "", false},
    {T(POST END), 0, "/p", "", false},
    {T(POST END POST END), sizeof(POST END) - 1, "/p", "", false},
    {T("PUT /p HTTP/1.1\r\n" HOST END), 0, "/p", "", false},
    {T("PATCH /p HTTP/1.1\r\n" HOST END), 0, "/p", "", false},
    {T("POST /p HTTP/1.0\r\n" END), 0, "/p", "", true},
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
    {T(TE("0\r\n\r\n")), 0, "/p", "", false},
    {T(TE("00000000\r\n\r\n0\r\n")), 3, "/p", "", false},
    {T(TE("3\r\nabc\r\n0\r\n\r\nGET")), 3, "/p", "", false},
    {T(TE("A\r\n0\r\n\r\n\0\r\n;x\r\n0000000b\r\n12345678901\r\n0\r\n\r\n")), 0, "/p", "",
     false},
    {T(POST "transfer-encoding:\tCHUNKED \r\nExpect: 100-continue\r\n" END
            "1\r\na\r\n0\r\n\r\n"),
     0, "/p", "", false},
    {T(GET "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n"), 0, "/", "", false},
    {T("DELETE / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n"), 0,
     "/", "", false},
    {T(POST "Content-Length: 3\r\nExpect: 100-Continue\r\n" END "a\0\n"), 0, "/p", "",
     false},
};

static void check_passing(const struct passing *p, const struct cg_message *m) {
  if (m->state != CG_MESSAGE_READY) fail_msg("%s: %s", p->text, m->why ? m->why : "more");
  assert_int_equal(cg_message_size(m) + p->more, p->len);
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

/* The data of the chunks, and where their bounds end. */
static void test_chunks_are_joined(void **state) {
  (void)state;
  static const char text[] = TE("3\r\nabc\r\n0C\r\ndefghijk\r\n0\r\r\n0\r\n\r\nGET");
  char out[sizeof text];
  struct cg_message m = read_at_once(text, sizeof text - 1);
  assert_int_equal(m.state, CG_MESSAGE_READY);
  cg_message_copy(&m, text, out);
  assert_memory_equal(out, text, m.head_len);
  assert_int_equal(m.body_len, 15);
  assert_memory_equal(out + m.head_len, "abcdefghijk\r\n0\r", 15);
}

/* n chunks of size bytes each; what comes of them. */
static struct cg_message read_chunks(size_t n, size_t size) {
  static const char head[] = TE("");
  size_t most = sizeof head + n * (size + 16) + 8, at = sizeof head - 1;
  char *text = malloc(most);
  assert_non_null(text);
  memcpy(text, head, at);
  for (size_t i = 0; i < n; i++) {
    at += (size_t)snprintf(text + at, most - at, "%zx\r\n", size);
    memset(text + at, 'x', size);
    memcpy(text + at + size, "\r\n", 2);
    at += size + 2;
  }
  memcpy(text + at, "0\r\n\r\n", 5);
  struct cg_message m = read_at_once(text, at + 5);
  free(text);
  return m;
}

static void test_bounds_of_chunks(void **state) {
  (void)state;
  assert_int_equal(read_chunks(16, 4096).state, CG_MESSAGE_READY);
  assert_int_equal(read_chunks(1, 65536).body_len, 65536);
  assert_int_equal(read_chunks(17, 4096).code, CG_E_TOO_LARGE);
  assert_int_equal(read_chunks(3000, 1).state, CG_MESSAGE_READY);
  assert_int_equal(read_chunks(3300, 1).code, CG_E_TOO_LARGE);
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
      cmocka_unit_test(test_passing_at_every_cut),
      cmocka_unit_test(test_prefixes_need_more),
      cmocka_unit_test(test_chunks_are_joined),
      cmocka_unit_test(test_bounds_of_chunks),
      cmocka_unit_test(test_fields),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_field_count),
      cmocka_unit_test(test_begun_is_not_an_empty_line),
      cmocka_unit_test(test_queries),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
