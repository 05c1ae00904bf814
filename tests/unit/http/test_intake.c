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

/* ---- one intake by itself ---- */

struct bench {
  struct cg_loop *loop;
  struct bufferevent *bev;
  int client; /* the other end */
  char room[CG_INTAKE_ROOM];
  struct cg_intake in;
  const char *bytes;
  int ends; /* times that EOF was told */
};

static const struct cg_message_limits limits = {16384, 64, 65536};

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  struct bench *b = arg;
  (void)fd, (void)what;
  enum cg_received received = cg_intake_receive(&b->in);
  assert_int_not_equal(received, CG_RECEIVED_BROKEN);
  b->ends += received == CG_RECEIVED_EOF;
  assert_true(cg_intake_settle(&b->in));
}

static int open_bench(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  struct cg_err err;
  int ends[2];
  assert_non_null(b);
  b->loop = cg_loop_new(&err);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  b->client = ends[1];
  b->bev = bufferevent_socket_new(cg_loop_base(b->loop), ends[0], BEV_OPT_CLOSE_ON_FREE);
  struct cg_intake_conf conf = {b->bev, &limits, b->room, on_readable, b};
  assert_true(cg_intake_open(&b->in, &conf));
  *state = b;
  return 0;
}

static int close_bench(void **state) {
  struct bench *b = *state;
  cg_intake_close(&b->in);
  bufferevent_free(b->bev);
  close(b->client);
  cg_loop_free(b->loop);
  free(b);
  return 0;
}

/* What the client can send until nobody reads it any more. */
static size_t send_all_it_takes(struct bench *b) {
  static const char get[] = GET("/");
  size_t sent = 0;
  for (int full = 0; full < 3;) {
    ssize_t n = send(b->client, get, sizeof get - 1, MSG_NOSIGNAL);
    sent += n > 0 ? (size_t)n : 0;
    full = n > 0 ? 0 : full + 1;
    if (n < (ssize_t)sizeof get - 1)
      event_base_loop(cg_loop_base(b->loop), EVLOOP_NONBLOCK);
  }
  return sent;
}

/* A client that sends requests on and on, while none of them is taken. */
static void test_what_is_held_has_a_bound(void **state) {
  struct bench *b = *state;
  size_t most = cg_message_size_max(&limits) + CG_INTAKE_ROOM, before;
  send_all_it_takes(b);
  before = cg_intake_length(&b->in);
  assert_in_range(before, cg_message_size_max(&limits), most);
  assert_int_equal(cg_intake_next(&b->in, &b->bytes), CG_MESSAGE_READY);
  while (cg_intake_next(&b->in, &b->bytes) == CG_MESSAGE_READY) cg_intake_consume(&b->in);
  assert_true(cg_intake_has_unread(&b->in)); /* it reads again */
  assert_true(send_all_it_takes(b) > 0);
}

/* Whatever the connection still has to write: its end is no news twice. */
static void test_the_end_is_told_once(void **state) {
  struct bench *b = *state;
  send_all_it_takes(b);
  shutdown(b->client, SHUT_WR);
  for (int turn = 0; turn < 1000 && !b->ends; turn++) {
    while (cg_intake_next(&b->in, &b->bytes) == CG_MESSAGE_READY)
      cg_intake_consume(&b->in);
    event_base_loop(cg_loop_base(b->loop), EVLOOP_NONBLOCK);
  }
  cg_intake_drop(&b->in);
  for (int turn = 0; turn < 3; turn++)
    event_base_loop(cg_loop_base(b->loop), EVLOOP_NONBLOCK);
  assert_int_equal(b->ends, 1);
}

static void test_the_rest_is_handed_over(void **state) {
  struct bench *b = *state;
  char input[16];
  client_puts(b->client, GET("/ws") "frames");
  event_base_loop(cg_loop_base(b->loop), EVLOOP_NONBLOCK);
  assert_int_equal(cg_intake_next(&b->in, &b->bytes), CG_MESSAGE_READY);
  cg_intake_consume(&b->in);
  assert_int_equal(cg_intake_length(&b->in), 6);
  assert_true(cg_intake_hand_over(&b->in));
  client_puts(b->client, " behind");
  event_base_loop(cg_loop_base(b->loop), EVLOOP_NONBLOCK);
  assert_int_equal(bufferevent_read(b->bev, input, sizeof input), 13);
  assert_memory_equal(input, "frames behind", 13);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_cut_reads_alike),
      cmocka_unit_test(test_bodies_of_all_sizes),
      cmocka_unit_test_setup_teardown(test_what_is_held_has_a_bound, open_bench,
                                      close_bench),
      cmocka_unit_test_setup_teardown(test_the_end_is_told_once, open_bench, close_bench),
      cmocka_unit_test_setup_teardown(test_the_rest_is_handed_over, open_bench,
                                      close_bench),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
