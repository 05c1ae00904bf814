/* Deadlines of connections: what is late is answered, what was in time is read. */
#include "http/handlers.h"

static const struct cg_route routes[] = {{"GET", "/echo", handle_echo, 0},
                                         {"POST", "/echo", handle_echo, 0},
                                         {"GET", "/big", handle_big, 0},
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

static void expect_timeout(struct gate *g, const char *part, int64_t us, int status) {
  int fd = client_open(g);
  client_puts(fd, part);
  client_ask(g, GET("/echo"), &answer); /* the loop has read both */
  gate_advance(g, us - 1000000);
  client_ask(g, GET("/echo"), &answer);
  char c;
  assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
  gate_advance(g, 1000000);
  assert_int_equal(client_answer(fd, &answer, false), status != 0);
  assert_int_equal(answer.status, status);
  if (status) assert_true(client_eof(fd));
  close(fd);
}

static void test_deadlines(void **state) {
  struct gate *g = *state;
  expect_timeout(g, "", 5000000, 0);
  expect_timeout(g, "G", 5000000, 408);
  expect_timeout(g, "GET / HTTP/1.1\r\nHost:", 5000000, 408);
  expect_timeout(g, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nab",
                 10000000, 408);
}

#define CROWD 100 /* libevent hands out the first 32 of them before the sweep's timer */

/* On the loop's thread: while it looks away, requests come and their deadline passes. */
static void send_unseen(struct gate *g, void *arg) {
  const int *fds = arg;
  for (int i = 0; i < CROWD; i++) client_puts(fds[i], GET("/echo"));
  poll(NULL, 0, 150); /* the sweep is due now */
  g->clock.fake_mono_us += 5000000;
}

static void test_unread_bytes_are_read_before_their_deadline(void **state) {
  struct gate *g = *state;
  int fds[CROWD];
  for (int i = 0; i < CROWD; i++) fds[i] = client_open(g);
  assert_true(gate_until(g, gate_count_open, CROWD));
  gate_do(g, send_unseen, fds);
  for (int i = 0; i < CROWD; i++) {
    assert_true(client_answer(fds[i], &answer, false));
    assert_int_equal(answer.status, 200);
    close(fds[i]);
  }
}

/* Not before 75 s: proxies in front keep theirs for 60.  The other connection, which
 * never asks, shows that the sweep has been there. */
static void test_idle_connection_closes(void **state) {
  struct gate *g = *state;
  int fd = client_open(g), other = client_open(g);
  client_puts(fd, GET("/echo"));
  assert_true(client_answer(fd, &answer, false));
  assert_true(gate_until(g, gate_count_open, 2));
  gate_advance(g, 70000000);
  assert_true(client_eof(other));
  assert_true(gate_until(g, gate_count_open, 1));
  client_puts(fd, GET("/echo"));
  assert_true(client_answer(fd, &answer, false));
  gate_advance(g, 80000000);
  assert_true(client_eof(fd));
  close(fd);
  close(other);
}

static void advance_and_count(struct gate *g, void *arg) {
  g->clock.fake_mono_us += 10000000;
  gate_count_open(g, arg);
}

static void test_slow_reader_is_cut(void **state) {
  struct gate *g = *state;
  int fd = client_open(g);
  client_puts(fd, GET("/big"));
  char c;
  assert_int_equal(recv(fd, &c, 1, 0), 1);
  assert_true(gate_until(g, gate_count_open, 1));
  assert_true(gate_until(g, advance_and_count, 0));
  close(fd);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_deadlines),
      TEST(test_unread_bytes_are_read_before_their_deadline),
      TEST(test_idle_connection_closes),
      TEST(test_slow_reader_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
