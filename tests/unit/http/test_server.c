/* A server and real sockets: order, refusals, leavers, bounds, drain. */
#include <sys/resource.h>

#include "http/handlers.h"

/* ---- handlers ---- */

static void reply_later(void *arg) {
  struct cg_exchange *x = arg;
  char text[32];
  int n = snprintf(text, sizeof text, "later %s", x->param);
  cg_exchange_reply(x, 200, "text/plain", text, (size_t)n);
}

static void handle_later(struct cg_exchange *x) {
  struct cg_mail *mail = cg_arena_zalloc(x->arena, sizeof *mail);
  CG_CHECK(mail);
  cg_loop_send(gate_of(x)->loop, mail, reply_later, x);
}

static const struct cg_route routes[] = {
    {"GET", "/echo", handle_echo, 0},       {"POST", "/echo", handle_echo, 0},
    {"GET", "/echo/{id}", handle_echo, 0},  {"GET", "/empty", handle_empty, 0},
    {"GET", "/later/{n}", handle_later, 0}, {"GET", "/keep", handle_keep, 0},
    {"GET", "/big", handle_big, 0},         {NULL, NULL, NULL, 0}};

static struct answer answer;

static int set_up(void **state) {
  *state = gate_open(routes, NULL, NULL);
  return 0;
}

static int tear_down(void **state) {
  gate_close(*state);
  return 0;
}

/* ---- tests ---- */

static void test_close_and_http10(void **state) {
  struct gate *g = *state;
  assert_int_equal(client_ask(g, "GET /echo HTTP/1.0\r\n\r\n", &answer), 200);
  assert_non_null(strstr(answer.text, "Connection: close\r\n"));
  int fd = client_open(g);
  client_puts(fd, "GET /echo HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n" GET("/echo"));
  assert_true(client_answer(fd, &answer, false));
  assert_true(client_eof(fd)); /* the second is not answered */
  close(fd);
}

/* Appends text with each '#' turned into a digit. */
static void append(char *to, const char *text, int digit) {
  to += strlen(to);
  for (; *text; text++) *to++ = *text == '#' ? (char)('0' + digit) : *text;
  *to = '\0';
}

static void pipeline(struct gate *g, const char *request, const char *expect) {
  char all[2048] = "";
  for (int i = 0; i < 6; i++) append(all, request, i);
  int fd = client_open(g);
  client_puts(fd, all);
  for (int i = 0; i < 6; i++) {
    char want[64] = "";
    append(want, expect, i);
    assert_true(client_answer(fd, &answer, false));
    assert_non_null(strstr(answer_body(&answer), want));
  }
  close(fd);
}

static void test_pipelines_keep_order(void **state) {
  struct gate *g = *state;
  pipeline(g, "GET /echo/# HTTP/1.1\r\n" HOST "\r\n", "p=# ");
  pipeline(g, "GET /later/# HTTP/1.1\r\n" HOST "\r\n", "later #");
  pipeline(g, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nb#", "n=2:b#");
}

static void test_request_byte_by_byte(void **state) {
  static const char text[] =
      "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello" GET("/later/7");
  int fd = client_open(*state), on = 1;
  setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
  for (size_t i = 0; i < sizeof text - 1; i++) client_send(fd, text + i, 1);
  assert_true(client_answer(fd, &answer, false));
  assert_non_null(strstr(answer_body(&answer), "n=5:hello"));
  assert_true(client_answer(fd, &answer, false));
  assert_string_equal(answer_body(&answer), "later 7");
  close(fd);
}

static void test_refusal_is_a_problem_then_eof(void **state) {
  struct gate *g = *state;
  int fd = client_open(g);
  client_puts(fd,
              GET("/echo") "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET("/echo"));
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 200);
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 400);
  assert_non_null(strstr(answer.text, "Content-Type: application/problem+json\r\n"));
  assert_non_null(strstr(answer.text, "Connection: close\r\n"));
  assert_non_null(strstr(answer_body(&answer), "\"type\":\"/problems/malformed\""));
  assert_non_null(strstr(answer_body(&answer), "\"instance\":\""));
  assert_true(client_eof(fd));
  close(fd);
  assert_int_equal(cg_metric_sum(g->metrics, g->metric_ids.refused[0]), 1);
  assert_int_equal(cg_metric_sum(g->metrics, g->metric_ids.requests[2]), 1);
}

static void test_refusal_waits_for_the_reply_before_it(void **state) {
  int fd = client_open(*state);
  client_puts(fd, GET("/later/1") "POST / HTTP/1.1\r\n\r\n");
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 200);
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 400);
  assert_true(client_eof(fd));
  close(fd);
}

static void test_large_body_is_answered(void **state) {
  size_t n = 300000;
  char *body = calloc(1, n);
  assert_non_null(body);
  int fd = client_open(*state);
  client_puts(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n");
  client_send(fd, body, n);
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 413);
  assert_true(client_eof(fd));
  close(fd);
  free(body);
}

static void test_largest_body_passes(void **state) {
  char *text = malloc(65536);
  assert_non_null(text);
  memset(text, 'x', 65536);
  int fd = client_open(*state);
  client_puts(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\n");
  client_send(fd, text, 65536);
  client_puts(fd, GET("/empty"));
  char head[65536 + 1024];
  size_t at = 0;
  while (at < 65536) {
    ssize_t got = recv(fd, head + at, sizeof head - at, 0);
    assert_true(got > 0);
    at += (size_t)got;
  }
  assert_memory_equal(head, "HTTP/1.1 200 OK\r\n", 17);
  close(fd);
  free(text);
}

static void test_continue(void **state) {
  int fd = client_open(*state);
  client_puts(fd, "POST /echo HTTP/1.1\r\n" HOST
                  "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  assert_true(client_answer(fd, &answer, true));
  assert_int_equal(answer.status, 100);
  client_puts(fd, "ok");
  assert_true(client_answer(fd, &answer, false));
  assert_non_null(strstr(answer_body(&answer), "n=2:ok"));
  client_puts(fd, "POST /echo HTTP/1.1\r\n" HOST
                  "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 413);
  close(fd);
}

static void reply_to_nobody(struct gate *g, void *arg) {
  (void)arg;
  for (int i = 0; i < g->n_kept; i++) {
    bool alive = cg_exchange_alive(g->kept[i]);
    CG_CHECK(!alive);
    cg_exchange_reply(g->kept[i], 200, "text/plain", "nobody", 6);
  }
  g->n_kept = 0;
}

static void test_early_leavers(void **state) {
  struct gate *g = *state;
  int fd[4];
  for (int i = 0; i < 4; i++) {
    fd[i] = client_open(g);
    client_puts(fd[i], GET("/keep") GET("/keep"));
  }
  assert_true(
      gate_until(g, gate_count_kept, 4)); /* the second of each waits for the first */
  for (int i = 0; i < 4; i++) {
    struct linger reset = {1, 0};
    if (i % 2) setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd[i]);
  }
  assert_true(gate_until(g, gate_count_gone, 4));
  gate_do(g, reply_to_nobody, NULL);
  assert_int_equal(client_ask(g, GET("/echo"), &answer), 200);
}

static void test_server_freed_before_the_reply(void **state) {
  struct gate *g = *state;
  int fd = client_open(g);
  client_puts(fd, GET("/keep"));
  assert_true(gate_until(g, gate_count_kept, 1));
  gate_do(g, gate_unlisten, NULL);
  assert_true(client_eof(fd));
  close(fd);
  gate_do(g, reply_to_nobody, NULL);
  gate_do(g, gate_listen, NULL); /* for tear_down */
}

static void test_half_request_then_eof(void **state) {
  int fd = client_open(*state);
  client_puts(fd, "GET / HTTP/1.1\r\nHo");
  shutdown(fd, SHUT_WR);
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 400);
  assert_true(client_eof(fd));
  close(fd);
}

static void test_large_reply_is_whole(void **state) {
  int fd = client_open(*state);
  client_puts(fd, "GET /big HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n");
  size_t total = 0;
  char part[65536];
  ssize_t got;
  while ((got = recv(fd, part, sizeof part, 0)) > 0) total += (size_t)got;
  assert_int_equal(got, 0);
  assert_true(total > 8u << 20);
  close(fd);
}

static void test_connection_bounds(void **state) {
  (void)state;
  struct cg_server_limits few = cg_server_limits_default;
  few.connections_per_address = 2;
  struct gate *g = gate_open(routes, &few, NULL);
  int fd[2];
  for (int i = 0; i < 2; i++) {
    fd[i] = client_open(g);
    client_puts(fd[i], GET("/echo"));
    assert_true(client_answer(fd[i], &answer, false));
  }
  int third = client_open(g);
  client_puts(third, GET("/echo"));
  assert_true(client_answer(third, &answer, false));
  assert_int_equal(answer.status, 503);
  assert_non_null(strstr(answer.text, "Retry-After: 1\r\n"));
  assert_true(client_eof(third));
  close(third);
  close(fd[0]);
  assert_true(gate_until(g, gate_count_open, 1));
  assert_int_equal(client_ask(g, GET("/echo"), &answer), 200);
  close(fd[1]);
  gate_close(g);
}

/* More than a connection takes in at once: reading pauses and goes on, order holds. */
static void test_long_pipeline(void **state) {
  enum { N = 4000 };
  int fd = client_open(*state);
  char request[64], want[32];
  for (int i = 0; i < N; i++) {
    snprintf(request, sizeof request, "GET /later/%d HTTP/1.1\r\n" HOST "\r\n", i);
    client_puts(fd, request);
  }
  for (int i = 0; i < N; i++) {
    snprintf(want, sizeof want, "later %d", i);
    assert_true(client_answer(fd, &answer, false));
    assert_string_equal(answer_body(&answer), want);
  }
  close(fd);
}

static void test_out_of_descriptors(void **state) {
  struct gate *g = *state;
  struct rlimit before, none;
  int fd = client_open(g);
  client_puts(fd, GET("/echo"));
  assert_true(client_answer(fd, &answer, false));
  int waiting = client_socket();
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  none = (struct rlimit){(rlim_t)waiting + 1, before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  client_connect(waiting, g);
  client_puts(waiting, GET("/echo"));
  for (int i = 0; i < 3; i++) { /* who is in is still served */
    client_puts(fd, GET("/echo"));
    assert_true(client_answer(fd, &answer, false));
  }
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_true(client_answer(waiting, &answer, false));
  assert_int_equal(answer.status, 200);
  close(waiting);
  close(fd);
}

static void drain(struct gate *g, void *arg) {
  (void)arg;
  cg_server_drain(g->server);
}

static void answer_kept(struct gate *g, void *arg) {
  (void)arg;
  cg_exchange_reply(g->kept[0], 200, "text/plain", "last", 4);
  g->n_kept = 0;
}

static void test_drain(void **state) {
  struct gate *g = *state;
  int idle = client_open(g), busy = client_open(g);
  client_puts(busy, GET("/keep"));
  assert_true(gate_until(g, gate_count_kept, 1));
  assert_true(gate_until(g, gate_count_open, 2));
  gate_do(g, drain, NULL);
  assert_true(client_eof(idle));
  gate_do(g, answer_kept, NULL);
  assert_true(client_answer(busy, &answer, false));
  assert_string_equal(answer_body(&answer), "last");
  assert_non_null(strstr(answer.text, "Connection: close\r\n"));
  assert_true(client_eof(busy));
  close(busy);
  close(idle);
  assert_true(gate_until(g, gate_count_open, 0));
}

/* An answer that said nothing of a close was still going out when the drain began. */
static void test_drain_while_an_answer_goes_out(void **state) {
  static char bytes[65536];
  struct gate *g = *state;
  int fd = client_open(g);
  ssize_t got;
  client_puts(fd, GET("/big"));
  assert_int_equal(recv(fd, bytes, 1, MSG_PEEK), 1); /* and far more waits behind it */
  gate_do(g, drain, NULL);
  do got = recv(fd, bytes, sizeof bytes, 0);
  while (got > 0);
  assert_int_equal(got, 0);
  close(fd);
  assert_true(gate_until(g, gate_count_open, 0));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_close_and_http10),
      TEST(test_pipelines_keep_order),
      TEST(test_request_byte_by_byte),
      TEST(test_refusal_is_a_problem_then_eof),
      TEST(test_refusal_waits_for_the_reply_before_it),
      TEST(test_large_body_is_answered),
      TEST(test_largest_body_passes),
      TEST(test_continue),
      TEST(test_early_leavers),
      TEST(test_server_freed_before_the_reply),
      TEST(test_half_request_then_eof),
      TEST(test_large_reply_is_whole),
      cmocka_unit_test(test_connection_bounds),
      TEST(test_long_pipeline),
      TEST(test_out_of_descriptors),
      TEST(test_drain),
      TEST(test_drain_while_an_answer_goes_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
