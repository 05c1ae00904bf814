/* Requests over a socket, however their bytes were cut; and what is left to another
 * protocol. */
#include <event2/buffer.h>

#include "http/handlers.h"
#include "http/intake.h"

static void handle_size(struct cg_exchange *x) {
  char text[64];
  int n = snprintf(text, sizeof text, "%zu of %zu", strspn(x->body, "b"), x->body_len);
  cg_exchange_reply(x, 200, "text/plain", text, (size_t)n);
}

static const struct cg_route routes[] = {{"GET", "/echo/{id}", handle_echo, 0},
                                         {"POST", "/echo/{id}", handle_echo, 0},
                                         {"POST", "/size", handle_size, 0},
                                         {NULL, NULL, NULL, 0}};

#define POST(path) "POST " path " HTTP/1.1\r\n" HOST

static const char pipeline[] =
    GET("/echo/1") POST("/echo/2") "Content-Length: 3\r\n\r\nabc" POST(
        "/echo/3") "Transfer-Encoding: "
                   "chunked\r\n\r\n2\r\nd"
                   "e\r\n01\r\nf\r\n0\r\n"
                   "\r\n" POST("http://b/"
                               "echo/4") "\r\n" GET("/echo/5");
static const char *const answers[] = {
    "p=1 h=- q=- a=127.0.0.1 n=0:", "p=2 h=- q=- a=127.0.0.1 n=3:abc",
    "p=3 h=- q=- a=127.0.0.1 n=3:def",
    "p=4 h=- q=- a=127.0.0.1 n=0:", "p=5 h=- q=- a=127.0.0.1 n=0:"};

static struct answer answer;

static void hear_all(int fd) {
  for (size_t i = 0; i < CG_COUNT(answers); i++) {
    assert_true(client_answer(fd, &answer, false));
    assert_int_equal(answer.status, 200);
    if (!strstr(answer_body(&answer), answers[i])) fail_msg("%s", answer_body(&answer));
  }
}

/* The loop turns between two parts, so that the first is read by itself. */
static void send_parts(struct gate *g, int fd, size_t from, size_t step) {
  client_send(fd, pipeline, from);
  for (size_t at = from, n; at < sizeof pipeline - 1; at += n) {
    n = sizeof pipeline - 1 - at < step ? sizeof pipeline - 1 - at : step;
    gate_do(g, gate_turn, NULL);
    client_send(fd, pipeline + at, n);
  }
}

static void test_every_cut_reads_alike(void **state) {
  struct gate *g = gate_open(routes, NULL, NULL);
  int fd = client_open(g);
  (void)state;
  for (size_t cut = 0; cut < sizeof pipeline; cut++) {
    send_parts(g, fd, cut, sizeof pipeline);
    hear_all(fd);
  }
  send_parts(g, fd, 0, 1);
  hear_all(fd);
  close(fd);
  gate_close(g);
}

/* Longer than what one recv takes, in chunks and in one piece. */
static void test_bodies_of_all_sizes(void **state) {
  struct gate *g = gate_open(routes, NULL, NULL);
  int fd = client_open(g);
  static char body[65536];
  (void)state;
  memset(body, 'b', sizeof body);
  for (size_t n = 1; n <= 65536; n *= 4) {
    char head[256];
    snprintf(head, sizeof head, POST("/size") "Content-Length: %zu\r\n\r\n", n);
    client_puts(fd, head);
    client_send(fd, body, n);
    snprintf(head, sizeof head, POST("/size") "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
             n - n / 2);
    client_puts(fd, head);
    client_send(fd, body, n - n / 2);
    snprintf(head, sizeof head, "\r\n%zx\r\n", n / 2);
    if (n / 2) client_puts(fd, head);
    client_send(fd, body, n / 2);
    client_puts(fd, "\r\n0\r\n\r\n");
    for (int i = 0; i < 2; i++) {
      assert_true(client_answer(fd, &answer, false));
      snprintf(head, sizeof head, "%zu of %zu", n, n);
      assert_string_equal(answer_body(&answer), head);
    }
  }
  close(fd);
  gate_close(g);
}

/* ---- another protocol ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what;
  assert_int_equal(cg_intake_receive(arg), CG_RECEIVED_SOME);
}

static void test_the_rest_is_handed_over(void **state) {
  static const struct cg_message_limits limits = {16384, 64, 65536};
  static const char text[] = GET("/ws") "frames";
  char room[CG_INTAKE_ROOM], input[16];
  struct cg_err err;
  int ends[2];
  const char *bytes;
  (void)state;
  struct cg_loop *loop = cg_loop_new(&err);
  struct event_base *base = cg_loop_base(loop);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  struct bufferevent *bev = bufferevent_socket_new(base, ends[0], BEV_OPT_CLOSE_ON_FREE);
  struct cg_intake in = {.room = NULL};
  assert_true(cg_intake_open(
      &in, &(struct cg_intake_conf){bev, &limits, room, on_readable, &in}));
  client_puts(ends[1], text);
  event_base_loop(base, EVLOOP_NONBLOCK);
  assert_int_equal(cg_intake_next(&in, &bytes), CG_MESSAGE_READY);
  cg_intake_consume(&in);
  assert_int_equal(cg_intake_length(&in), 6);
  assert_true(cg_intake_hand_over(&in));
  client_puts(ends[1], " behind");
  event_base_loop(base, EVLOOP_NONBLOCK);
  assert_int_equal(bufferevent_read(bev, input, sizeof input), 13);
  assert_memory_equal(input, "frames behind", 13);
  cg_intake_close(&in);
  bufferevent_free(bev);
  close(ends[1]);
  cg_loop_free(loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_cut_reads_alike),
      cmocka_unit_test(test_bodies_of_all_sizes),
      cmocka_unit_test(test_the_rest_is_handed_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
