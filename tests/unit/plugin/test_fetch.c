/* Outgoing HTTP against a server on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "plugin/fetch.h"

#define PATIENCE_US 5000000

struct bed {
  struct cg_loop *loop;
  struct cg_fetcher *fetcher;
  struct evhttp *http;
  struct cg_timer watchdog;
  unsigned port, peer; /* peer: the last client's port */
  int want, got;
  enum cgp_code code;
  unsigned status;
  char body[256], error[256];
};

static void serve(struct evhttp_request *req, void *arg) {
  struct bed *b = arg;
  char *address;
  ev_uint16_t port;
  evhttp_connection_get_peer(evhttp_request_get_connection(req), &address, &port);
  b->peer = port;
  const char *uri = evhttp_request_get_uri(req);
  if (!strcmp(uri, "/silent")) return;
  struct evbuffer *out = evbuffer_new();
  if (!strcmp(uri, "/big")) {
    for (int i = 0; i < 1000; i++) evbuffer_add_printf(out, "0123456789");
  } else if (!strcmp(uri, "/echo")) {
    const char *mark =
        evhttp_find_header(evhttp_request_get_input_headers(req), "X-Mark");
    evbuffer_add_printf(out, "%s ", mark ? mark : "");
    evbuffer_add_buffer(out, evhttp_request_get_input_buffer(req));
  }
  evhttp_add_header(evhttp_request_get_output_headers(req), "Location", "/echo");
  evhttp_send_reply(req, !strcmp(uri, "/moved") ? 302 : 200, "Fine", out);
  evbuffer_free(out);
}

static void too_long(void *arg) {
  struct bed *b = arg;
  cg_loop_stop(b->loop);
}

static int setup(void **state) {
  struct bed *b = calloc(1, sizeof *b);
  b->loop = cg_loop_new(NULL);
  b->fetcher = cg_fetcher_new(b->loop);
  b->http = evhttp_new(cg_loop_base(b->loop));
  struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(b->http, "127.0.0.1", 0);
  struct sockaddr_in at;
  socklen_t n = sizeof at;
  getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&at, &n);
  b->port = ntohs(at.sin_port);
  evhttp_set_gencb(b->http, serve, b);
  *state = b;
  return 0;
}

static int teardown(void **state) {
  struct bed *b = *state;
  cg_fetcher_free(b->fetcher);
  evhttp_free(b->http);
  cg_timer_stop(&b->watchdog);
  cg_loop_free(b->loop);
  free(b);
  return 0;
}

static void fetched(void *arg, const struct cgp_fetched *got) {
  struct bed *b = arg;
  b->got++;
  b->code = got->code;
  b->status = got->status;
  snprintf(b->body, sizeof b->body, "%s", got->body);
  snprintf(b->error, sizeof b->error, "%s", got->error ? got->error : "");
  if (b->got == b->want) cg_loop_stop(b->loop);
}

static void begin(struct bed *b, const char *method, const char *path, const char *body) {
  char url[128];
  static const char *const headers[] = {"X-Mark: here"};
  snprintf(url, sizeof url, "http://127.0.0.1:%u%s", b->port, path);
  const struct cgp_fetch req = {
      .size = sizeof req,
      .method = method,
      .url = url,
      .headers = headers,
      .n_headers = 1,
      .body = body,
      .body_len = body ? strlen(body) : 0,
      .timeout_ms = !strcmp(path, "/silent") ? 50 : 2000,
      .max_reply = 1000,
  };
  int before = b->got;
  b->want++;
  cg_fetch(b->fetcher, &req, fetched, b);
  assert_int_equal(b->got, before); /* never inside */
}

static void wait_all(struct bed *b) {
  cg_timer_start(&b->watchdog, b->loop, PATIENCE_US, too_long, b);
  cg_loop_run(b->loop);
  assert_int_equal(b->got, b->want);
}

static void sends_and_receives(void **state) {
  struct bed *b = *state;
  begin(b, "POST", "/echo", "hello");
  wait_all(b);
  assert_int_equal(b->code, CGP_OK);
  assert_int_equal(b->status, 200);
  assert_string_equal(b->body, "here hello");
}

static void an_empty_post_and_a_delete_arrive(void **state) {
  struct bed *b = *state;
  begin(b, "POST", "/echo", NULL);
  begin(b, "DELETE", "/echo", NULL);
  wait_all(b);
  assert_int_equal(b->code, CGP_OK);
  assert_string_equal(b->body, "here ");
}

static void follows_no_redirect(void **state) {
  struct bed *b = *state;
  begin(b, "GET", "/moved", NULL);
  wait_all(b);
  assert_int_equal(b->code, CGP_OK);
  assert_int_equal(b->status, 302);
}

static void keeps_connections(void **state) {
  struct bed *b = *state;
  begin(b, "GET", "/echo", NULL);
  wait_all(b);
  unsigned first = b->peer;
  begin(b, "GET", "/echo", NULL);
  wait_all(b);
  assert_int_equal(b->peer, first);
}

static void a_big_reply_fails(void **state) {
  struct bed *b = *state;
  begin(b, "GET", "/big", NULL);
  wait_all(b);
  assert_int_equal(b->code, CGP_E_INTERNAL);
  assert_string_equal(b->error, "the reply is larger than 1000 bytes");
}

static void silence_times_out(void **state) {
  struct bed *b = *state;
  begin(b, "GET", "/silent", NULL);
  wait_all(b);
  assert_int_equal(b->code, CGP_E_TIMEOUT);
  assert_true(b->error[0]);
}

static void a_closed_port_is_unavailable(void **state) {
  struct bed *b = *state;
  b->port = 1;
  begin(b, "GET", "/", NULL);
  wait_all(b);
  assert_int_equal(b->code, CGP_E_UNAVAILABLE);
  assert_non_null(strstr(b->error, "127.0.0.1"));
}

static void refuse(struct bed *b, struct cgp_fetch req) {
  req.size = sizeof req;
  b->want++;
  cg_fetch(b->fetcher, &req, fetched, b);
  wait_all(b);
  assert_int_equal(b->code, CGP_E_INVALID);
}

static void odd_requests_are_invalid(void **state) {
  struct bed *b = *state;
  static const char *const split[] = {"A: b\r\nC: d"};
  refuse(b, (struct cgp_fetch){.method = "GET", .url = "file:///etc/passwd"});
  refuse(b, (struct cgp_fetch){.method = "GE T", .url = "http://127.0.0.1/"});
  refuse(b, (struct cgp_fetch){.method = "GET"});
  refuse(b, (struct cgp_fetch){.method = "GET",
                               .url = "http://127.0.0.1/",
                               .headers = split,
                               .n_headers = 1});
}

static void the_257th_in_flight_is_busy(void **state) {
  struct bed *b = *state;
  for (int i = 0; i < 256; i++) begin(b, "GET", "/echo", NULL);
  int before = b->want;
  b->want = 1;
  const struct cgp_fetch req = {.size = sizeof req, .method = "GET", .url = "http://x/"};
  cg_fetch(b->fetcher, &req, fetched, b);
  cg_loop_run(b->loop); /* the refusal comes before any answer */
  assert_int_equal(b->code, CGP_E_BUSY);
  b->want = before + 1;
  wait_all(b);
  assert_int_equal(b->code, CGP_OK);
}

static void freeing_ends_what_is_in_flight(void **state) {
  struct bed *b = *state;
  begin(b, "GET", "/silent", NULL);
  cg_fetcher_free(b->fetcher);
  b->fetcher = NULL;
  assert_int_equal(b->got, 1);
  assert_int_equal(b->code, CGP_E_UNAVAILABLE);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(sends_and_receives),
      TEST(an_empty_post_and_a_delete_arrive),
      TEST(follows_no_redirect),
      TEST(keeps_connections),
      TEST(a_big_reply_fails),
      TEST(silence_times_out),
      TEST(a_closed_port_is_unavailable),
      TEST(odd_requests_are_invalid),
      TEST(the_257th_in_flight_is_busy),
      TEST(freeing_ends_what_is_in_flight),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
