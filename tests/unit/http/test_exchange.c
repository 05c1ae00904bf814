/* What handlers see of a request and what clients see of an answer. */
#include "http/handlers.h"

struct fields {
  const char *name;
  int64_t count;
};

static void handle_json(struct cg_exchange *x) {
  static const struct cg_field fields[] = {{.name = "name",
                                            .type = CG_STRING,
                                            .required = true,
                                            .min = 1,
                                            .max = 8,
                                            .offset = offsetof(struct fields, name),
                                            .help = "A name."},
                                           {.name = "count",
                                            .type = CG_INT,
                                            .min = 1,
                                            .max = 9,
                                            .offset = offsetof(struct fields, count),
                                            .help = "A count."},
                                           {0}};
  struct fields in = {NULL, 5};
  if (!cg_exchange_body(x, fields, &in, NULL)) return;
  cg_exchange_reply(x, 201, "text/plain", in.name, strlen(in.name));
}

static void handle_quota(struct cg_exchange *x) {
  static const char *const ids[] = {"l1", "l2"};
  struct cg_err err;
  cg_fail(&err, CG_E_QUOTA, "full");
  cg_exchange_problem(x, &(struct cg_problem){.err = &err,
                                              .decision_id = "d1",
                                              .scope = "user:a",
                                              .limit = 2,
                                              .in_use = 2,
                                              .conflicts = {ids, 2}});
}

static void handle_down(struct cg_exchange *x) {
  cg_exchange_failf(x, CG_E_UNAVAILABLE, "the trail cannot be written");
}

static void handle_anonymous(struct cg_exchange *x) {
  cg_exchange_failf(x, CG_E_UNAUTHENTICATED, "no token");
}

static const struct cg_route routes[] = {{"GET", "/echo", handle_echo, 0},
                                         {"POST", "/echo", handle_echo, 0},
                                         {"GET", "/echo/{id}", handle_echo, 0},
                                         {"GET", "/empty", handle_empty, 0},
                                         {"DELETE", "/empty", handle_empty, 0},
                                         {"POST", "/json", handle_json, 0},
                                         {"GET", "/quota", handle_quota, 0},
                                         {"GET", "/down", handle_down, 0},
                                         {"GET", "/who", handle_anonymous, 0},
                                         {"PUT", "/must", handle_json, CG_ROUTE_BODY},
                                         {NULL, NULL, NULL, 0}};

static struct answer answer;

static int set_up(void **state) {
  *state = gate_open(routes, NULL, NULL);
  return 0;
}

static int tear_down(void **state) {
  gate_close(*state);
  return 0;
}

static void test_answers(void **state) {
  struct gate *g = *state;
  assert_int_equal(
      client_ask(g, "GET /echo?q=a+b HTTP/1.1\r\nX-Word:  w \r\n" HOST "\r\n", &answer),
      200);
  assert_string_equal(answer_body(&answer), "GET /echo p=- h=w q=a b a=127.0.0.1 n=0:");
  assert_non_null(strstr(answer.text, "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"));
  assert_non_null(strstr(answer.text, "X-Request-Id: "));
  assert_non_null(strstr(answer.text, "X-Own: 1\r\n"));
  assert_non_null(strstr(answer.text, "Cache-Control: no-store\r\n"));
  assert_null(strstr(answer.text, "Injected"));
  client_ask(g, GET("/echo/a%20b"), &answer);
  assert_non_null(strstr(answer_body(&answer), "p=a b "));
  client_ask(g, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nxyz", &answer);
  assert_non_null(strstr(answer_body(&answer), "n=3:xyz"));
}

static void test_head_and_empty(void **state) {
  struct gate *g = *state;
  int fd = client_open(g);
  client_puts(fd, "HEAD /echo HTTP/1.1\r\n" HOST "\r\n" GET("/empty") GET("/echo"));
  assert_true(client_answer(fd, &answer, true));
  assert_true(answer_length(answer.text) > 0);
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 204);
  assert_null(strstr(answer.text, "Content-Length"));
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 200);
  close(fd);
}

static void test_routes(void **state) {
  struct gate *g = *state;
  assert_int_equal(client_ask(g, GET("/nothing"), &answer), 404);
  assert_int_equal(client_ask(g, GET("/echo/a/b"), &answer), 404);
  assert_int_equal(client_ask(g, GET("/echo/"), &answer), 404);
  assert_int_equal(client_ask(g, GET("/echo/%ff"), &answer), 400);
  assert_int_equal(client_ask(g, GET("/echo?a=1&a=2"), &answer), 400);
  assert_int_equal(client_ask(g, "DELETE /echo HTTP/1.1\r\n" HOST "\r\n", &answer), 405);
  assert_non_null(strstr(answer.text, "Allow: GET, HEAD, POST\r\n"));
  assert_int_equal(client_ask(g, "BREW /echo HTTP/1.1\r\n" HOST "\r\n", &answer), 405);
}

static int post_json(struct gate *g, const char *type, const char *body) {
  char request[1024];
  snprintf(request, sizeof request,
           "POST /json HTTP/1.1\r\n" HOST "%s%sContent-Length: %zu\r\n\r\n%s", type,
           type[0] ? "\r\n" : "", strlen(body), body);
  return client_ask(g, request, &answer);
}

static void test_bodies(void **state) {
  struct gate *g = *state;
  const char *json = "Content-Type: application/json; charset=utf-8";
  assert_int_equal(post_json(g, json, "{\"name\": \"x\"}"), 201);
  assert_int_equal(post_json(g, json, ""), 400);
  assert_int_equal(post_json(g, json, "{\"name\": "), 400);
  assert_int_equal(post_json(g, "", "{\"name\": \"x\"}"), 415);
  assert_int_equal(post_json(g, "Content-Type: application/jsonx", "{}"), 415);
  assert_int_equal(post_json(g, json, "[]"), 422);
  assert_int_equal(post_json(g, json, "{\"count\": 10, \"nam\": 1}"), 422);
  assert_non_null(strstr(answer_body(&answer), "\"pointer\":\"/count\""));
  assert_non_null(strstr(answer_body(&answer), "\"pointer\":\"/name\""));
}

static void test_chunks(void **state) {
  struct gate *g = *state;
  client_ask(g,
             "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
             "1\r\nx\r\n3\r\nyz\n\r\n0\r\n\r\n",
             &answer);
  assert_non_null(strstr(answer_body(&answer), "n=4:xyz\n"));
  assert_int_equal(client_ask(g,
                              "POST /echo HTTP/1.1\r\n" HOST
                              "Transfer-Encoding: chunked\r\n\r\n"
                              "1\r\nx\r\n0\r\nX: y\r\n\r\n",
                              &answer),
                   400);
  assert_non_null(strstr(answer_body(&answer), "trailers are not taken"));
}

static void test_no_body(void **state) {
  struct gate *g = *state;
  client_ask(g, "POST /echo HTTP/1.1\r\n" HOST "\r\n", &answer);
  assert_non_null(strstr(answer_body(&answer), "n=0:"));
  assert_int_equal(client_ask(g, "PUT /must?a=b HTTP/1.1\r\n" HOST "\r\n", &answer), 400);
  assert_non_null(strstr(answer_body(&answer), "PUT /must needs a JSON body"));
  assert_null(strstr(answer.text, "Connection: close"));
  assert_int_equal(client_ask(g, "POST /json HTTP/1.1\r\n" HOST "\r\n", &answer), 400);
  assert_non_null(strstr(answer_body(&answer), "POST /json needs a JSON body"));
}

static void test_content_codings(void **state) {
  struct gate *g = *state;
  const char *json = "Content-Encoding: identity\r\nContent-Type: application/json";
  assert_int_equal(post_json(g, json, "{\"name\": \"x\"}"), 201);
  json = "Content-Encoding: gzip\r\nContent-Type: application/json";
  assert_int_equal(post_json(g, json, "\x1f\x8b"), 415);
  assert_non_null(strstr(answer.text, "Accept-Encoding: identity\r\n"));
  assert_non_null(strstr(answer_body(&answer), "Content-Encoding"));
  assert_int_equal(post_json(g, json, ""), 400);
  json = "Content-Encoding: identity\r\nContent-Encoding: br";
  assert_int_equal(post_json(g, json, "{}"), 415);
}

static void test_targets(void **state) {
  struct gate *g = *state;
  client_ask(g, GET("http://other:80/echo/b?q=a|b"), &answer);
  assert_non_null(strstr(answer_body(&answer), "GET /echo/b p=b h=- q=a|b "));
  assert_int_equal(client_ask(g, GET("http://other"), &answer), 404);
  assert_int_equal(client_ask(g, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", &answer), 204);
  assert_non_null(strstr(answer.text, "Allow: GET, HEAD, POST, PUT, DELETE\r\n"));
}

static void test_problem_shapes(void **state) {
  struct gate *g = *state;
  assert_int_equal(client_ask(g, GET("/quota"), &answer), 409);
  assert_non_null(strstr(answer_body(&answer), "\"type\":\"/problems/quota-full\""));
  assert_non_null(strstr(answer_body(&answer), "\"scope\":\"user:a\""));
  assert_non_null(strstr(answer_body(&answer), "\"limit\":2"));
  assert_non_null(strstr(answer_body(&answer), "\"conflicts\":[\"l1\",\"l2\"]"));
  assert_non_null(strstr(answer_body(&answer), "\"decision_id\":\"d1\""));
  assert_int_equal(client_ask(g, GET("/down"), &answer), 503);
  assert_non_null(strstr(answer.text, "Retry-After: 1\r\n"));
  assert_non_null(strstr(answer_body(&answer), "\"retry_after_s\":1"));
  assert_int_equal(client_ask(g, GET("/who"), &answer), 401);
  assert_non_null(strstr(answer.text, "WWW-Authenticate: Bearer"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_answers), TEST(test_head_and_empty),  TEST(test_routes),
      TEST(test_bodies),  TEST(test_problem_shapes),  TEST(test_chunks),
      TEST(test_no_body), TEST(test_content_codings), TEST(test_targets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
