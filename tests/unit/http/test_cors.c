/* Which origins may be listed, which are let in, and what answers and refusals say. */
#include "http/cors.h"
#include "http/handlers.h"

#define A16 "aaaaaaaaaaaaaaa."
#define A64 A16 A16 A16 A16
/* A host of 253 bytes, as long as DNS has them. */
#define LONGEST "https://" A64 A64 A64 A16 A16 A16 "aaaaaaaaaaaaa:65535"

static const char *const good[] = {
    "https://app.example",      "http://app.example:8080",
    "https://app.example:80",   "http://localhost:3000",
    "http://127.0.0.1:5173",    "http://[::1]:5173",
    "https://[2001:db8::1]",    "https://xn--bcher-kva.example",
    "https://a_b.example",      "https://1a.2b.example",
    "capacitor://localhost",    "moz-extension+x.1://abc",
    "http://app.example:65535", LONGEST,
};

static const struct {
  const char *origin, *says;
} bad[] = {
    {"*", "list each one"},
    {"null", "any page can send"},
    {"", "is not scheme://host"},
    {"app.example", "is not scheme://host"},
    {"https:/app.example", "is not scheme://host"},
    {"https://app.example/", "a path or ends in a slash"},
    {"https://app.example/watch", "a path or ends in a slash"},
    {"https://app.example:8443/", "a path or ends in a slash"},
    {"https://", "lower case"},
    {"://app.example", "lower case"},
    {"https://App.example", "lower case"},
    {"HTTPS://app.example", "lower case"},
    {"https://*.example", "no wildcard"},
    {"https://user@app.example", "lower case"},
    {"https://app.example?x", "lower case"},
    {"https://app.example#x", "lower case"},
    {"https://b\xc3\xbc"
     "cher.example",
     "xn--"},
    {"https://app example", "commas stand between"},
    {" https://app.example", "commas stand between"},
    {"https://a.example;https://b.example", "commas stand between"},
    {"https://.example", "lower case"},
    {"https://app..example", "lower case"},
    {"https://127.1", "lower case"},
    {"https://127.0.0.01", "lower case"},
    {"https://[::0001]", "lower case"},
    {"https://[2001:DB8::1]", "lower case"},
    {"https://[::1", "lower case"},
    {"https://app.example:", "port"},
    {"https://app.example:0", "port"},
    {"https://app.example:08443", "port"},
    {"https://app.example:65536", "port"},
    {"https://app.example:port", "port"},
    {"https://app.example:443", "leave out"},
    {"http://app.example:80", "leave out"},
    {"http://[::1]:80", "leave out"},
    {"https://" A64 A64 A64 A64 A64 A64 A64 A64 A64 "example", "longer than"},
};

static void test_what_may_be_listed(void **state) {
  (void)state;
  struct cg_err err;
  for (size_t i = 0; i < CG_COUNT(good); i++)
    if (!cg_origin_check(good[i], &err)) fail_msg("%s: %s", good[i], err.text);
  for (size_t i = 0; i < CG_COUNT(bad); i++) {
    if (cg_origin_check(bad[i].origin, &err)) fail_msg("\"%s\" passed", bad[i].origin);
    if (!strstr(err.text, bad[i].says)) fail_msg("%s", err.text);
  }
}

static void test_many_origins(void **state) {
  (void)state;
  enum { MANY = 256 };
  char texts[MANY][32], request[128];
  const char *items[MANY];
  struct cg_arena *arena = cg_arena_new(NULL, 1024 * 1024);
  struct cg_strings list = {items, MANY};
  for (int i = 0; i < MANY; i++) {
    snprintf(texts[i], sizeof texts[i], "https://site-%d.example", i);
    items[i] = texts[i];
  }
  struct cg_cors *cors = cg_cors_new(&list, arena);
  for (int i = 0; i < MANY + 10; i++) {
    struct cg_message m;
    cg_message_init(&m);
    int n = snprintf(
        request, sizeof request,
        "GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://site-%d.example\r\n\r\n", i);
    assert_int_equal(
        cg_message_feed(&m, &cg_server_limits_default.message, request, (size_t)n),
        CG_MESSAGE_READY);
    const struct cg_cors_answer *a = cg_cors_answer_to(cors, &m, request);
    assert_int_equal(a->listed, i < MANY);
    assert_int_equal(i < MANY, strstr(a->lines, "Allow-Origin") != NULL);
    assert_int_equal(strlen(a->lines), a->n);
  }
  cg_arena_free(arena, NULL);
}

/* ---- on the wire ---- */

static const struct cg_route routes[] = {
    {"GET", "/echo", handle_echo, 0},
    {"POST", "/echo", handle_echo, CG_ROUTE_BODY},
    {"DELETE", "/echo/{id}", handle_empty, CG_ROUTE_KEEPS},
    {"OPTIONS", "/own", handle_empty, 0},
    {"GET", "/keep", handle_keep, 0},
    {0},
};

static const char *const listed[] = {"https://app.example", "http://localhost:3000",
                                     LONGEST};

static struct cg_arena *arena;

static struct gate *open_gate(uint32_t in_flight) {
  struct gate *g = gate_open(routes, NULL, NULL);
  gate_do(g, gate_unlisten, NULL);
  g->conf.cors = cg_cors_new(&(struct cg_strings){listed, CG_COUNT(listed)}, arena);
  g->conf.limits.in_flight = in_flight;
  gate_do(g, gate_listen, NULL);
  return g;
}

#define ORIGIN(o)  "Origin: " o "\r\n"
#define EXPOSE     "\r\nAccess-Control-Expose-Headers: Location, Retry-After, "
#define ALLOWED(o) "\r\nAccess-Control-Allow-Origin: " o "\r\n"
#define LINE(l)    l " HTTP/1.1\r\n" HOST
#define END        "\r\n"

static void asks(const struct gate *g, const char *request, int status,
                 const char *allowed) {
  struct answer a;
  assert_int_equal(client_ask(g, request, &a), status);
  if (!strstr(a.text, "\r\nVary: Origin\r\n")) fail_msg("no Vary:\n%s", a.text);
  if (allowed && (!strstr(a.text, allowed) || !strstr(a.text, EXPOSE)))
    fail_msg("%s is not there:\n%s", allowed, a.text);
  if (!allowed && strstr(a.text, "Access-Control")) fail_msg("let in:\n%s", a.text);
  if (strstr(a.text, "Credentials")) fail_msg("%s", a.text);
}

/* Answers and whatever is refused once the head is read. */
static void test_every_answer(void **state) {
  (void)state;
  static const struct {
    const char *request;
    int status;
  } rows[] = {
      {LINE("GET /echo") ORIGIN("https://app.example") END, 200},
      {LINE("HEAD /echo") ORIGIN("https://app.example") END, 200},
      {LINE("DELETE /echo/1") "oRIGIN:   https://app.example \r\n" END, 204},
      {LINE("GET /none") ORIGIN("https://app.example") END, 404},
      {LINE("PUT /echo") ORIGIN("https://app.example") "Content-Length: 0\r\n" END, 405},
      {LINE("OPTIONS /echo") ORIGIN("https://app.example") END, 405},
      {LINE("GET /echo?q=%ff") ORIGIN("https://app.example") END, 400},
      {LINE("POST /echo") ORIGIN("https://app.example") "Content-Length: 99999\r\n" END,
       413},
      {LINE("GET /echo") ORIGIN("https://app.example") "Content-Length: 1\r\n" END, 400},
  };
  struct gate *g = open_gate(0);
  for (size_t i = 0; i < CG_COUNT(rows); i++)
    asks(g, rows[i].request, rows[i].status, ALLOWED("https://app.example"));
  asks(g, LINE("GET /echo") ORIGIN("http://localhost:3000") END, 200,
       ALLOWED("http://localhost:3000"));
  asks(g, LINE("GET /echo") END, 200, NULL);
  asks(g, LINE("GET /echo") ORIGIN(LONGEST) "Content-Length: 1\r\n" END, 400,
       ALLOWED(LONGEST));
  gate_close(g);
}

static const char *const lookalikes[] = {
    "null",
    "https://app.example.evil.example",
    "https://evil-app.example",
    "https://xapp.example",
    "https://app.exampl",
    "https://app.example:443",
    "https://app.example:8443",
    "https://app.example/",
    "https://app.example.",
    "https://App.example",
    "HTTPS://app.example",
    "http://app.example",
    "https://app.example@evil.example",
    "https://evil.example@app.example",
    "https://app.example, https://app.example",
    "https://app.example https://evil.example",
    "https://app.example\thttps://evil.example",
    "https://app.example\xc2\xa0",
    "https://app%2eexample",
    "http://localhost:3001",
    "http://localhost",
    "*",
    "",
};

static void test_lookalikes_stay_out(void **state) {
  (void)state;
  struct gate *g = open_gate(0);
  char request[16384], long_origin[8192];
  for (size_t i = 0; i < CG_COUNT(lookalikes); i++) {
    snprintf(request, sizeof request, LINE("GET /echo") "Origin: %s\r\n\r\n",
             lookalikes[i]);
    asks(g, request, 200, NULL);
  }
  memset(long_origin, 'a', sizeof long_origin);
  memcpy(long_origin, listed[0], strlen(listed[0]));
  snprintf(request, sizeof request, LINE("GET /echo") "Origin: %.*s\r\n\r\n",
           (int)sizeof long_origin, long_origin);
  asks(g, request, 200, NULL);
  asks(g,
       LINE("GET /echo") ORIGIN("https://app.example") ORIGIN("https://app.example") END,
       200, NULL);
  asks(g, LINE("GET /echo") ORIGIN("") ORIGIN("https://app.example") END, 200, NULL);
  asks(g, LINE("GET /echo") "Origin: https://app.example\x01\r\n" END, 400, NULL);
  asks(g, LINE("GET /echo") "X-Origin: https://app.example\r\n" END, 200, NULL);
  gate_close(g);
}

/* ---- preflights ---- */

#define ASKS(m) "Access-Control-Request-Method: " m "\r\n"
#define PREFLIGHT(path, m)                                                               \
  LINE("OPTIONS " path)                                                                  \
  ORIGIN("https://app.example")                                                          \
  ASKS(m) "Access-Control-Request-Headers: authorization,content-type\r\n" END

static void preflight(const struct gate *g, const char *request, const char *methods) {
  struct answer a;
  char line[128];
  assert_int_equal(client_ask(g, request, &a), 204);
  snprintf(line, sizeof line, "\r\nAccess-Control-Allow-Methods: %s\r\n", methods);
  assert_non_null(strstr(a.text, line));
  assert_non_null(strstr(a.text, ALLOWED("https://app.example")));
  assert_non_null(strstr(a.text, "\r\nVary: Origin\r\n"));
  assert_non_null(strstr(a.text, "\r\nAccess-Control-Allow-Headers: Authorization, "));
  assert_non_null(strstr(a.text, "\r\nAccess-Control-Max-Age: 7200\r\n"));
  assert_null(strstr(a.text, "Content-Length"));
}

static void test_preflights(void **state) {
  (void)state;
  struct gate *g = open_gate(0);
  preflight(g, PREFLIGHT("/echo", "POST"), "GET, HEAD, POST");
  preflight(g, PREFLIGHT("/echo", "PUT"), "GET, HEAD, POST"); /* the browser compares */
  preflight(g, PREFLIGHT("/echo/x", "DELETE"), "DELETE");
  preflight(g, PREFLIGHT("/none", "PUT"), "GET, HEAD, POST, PUT, PATCH, DELETE");
  asks(g, PREFLIGHT("/own", "GET"), 204, ALLOWED("https://app.example"));
  asks(g, LINE("OPTIONS /echo") ORIGIN("https://evil.example") ASKS("POST") END, 403,
       NULL);
  asks(g, LINE("OPTIONS /echo") ORIGIN("null") ASKS("POST") END, 403, NULL);
  asks(g, LINE("OPTIONS /echo") ASKS("POST") END, 405, NULL);
  asks(g, LINE("GET /echo") ORIGIN("https://app.example") ASKS("POST") END, 200,
       ALLOWED("https://app.example"));
  gate_close(g);
}

/* All places are taken: a page reads the 503, and a preflight is answered. */
static void test_a_busy_gate(void **state) {
  (void)state;
  struct answer a;
  struct gate *g = open_gate(1);
  gate_advance(g, 1000000);
  int fd = client_open(g);
  client_puts(fd, LINE("GET /keep") END);
  assert_true(gate_until(g, gate_count_kept, 1));
  asks(g, LINE("GET /echo") ORIGIN("https://app.example") END, 503,
       ALLOWED("https://app.example"));
  preflight(g, PREFLIGHT("/echo", "GET"), "GET, HEAD, POST");
  gate_do(g, reply_kept, NULL);
  assert_true(client_answer(fd, &a, false));
  close(fd);
  gate_close(g);
}

static void test_off(void **state) {
  (void)state;
  struct answer a;
  struct gate *g = gate_open(routes, NULL, NULL);
  assert_int_equal(client_ask(g, LINE("GET /echo") ORIGIN("https://app.example") END, &a),
                   200);
  assert_null(strstr(a.text, "Access-Control"));
  assert_null(strstr(a.text, "Vary"));
  assert_int_equal(client_ask(g, PREFLIGHT("/echo", "POST"), &a), 405);
  assert_null(strstr(a.text, "Access-Control"));
  gate_close(g);
}

static int set_up(void **state) {
  (void)state;
  arena = cg_arena_new(NULL, 65536);
  return arena == NULL;
}

static int tear_down(void **state) {
  (void)state;
  cg_arena_free(arena, NULL);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_may_be_listed),
      cmocka_unit_test(test_many_origins),
      cmocka_unit_test(test_every_answer),
      cmocka_unit_test(test_lookalikes_stay_out),
      cmocka_unit_test(test_preflights),
      cmocka_unit_test(test_a_busy_gate),
      cmocka_unit_test(test_off),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
