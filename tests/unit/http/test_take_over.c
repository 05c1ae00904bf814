/* Connections that become another protocol's, here one that says everything back. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "http/conn.h"
#include "http/handlers.h"
#include "http/wire.h"

#define UPGRADE                                                                          \
  "GET /other HTTP/1.1\r\n" HOST "Upgrade: other\r\nConnection: upgrade\r\n\r\n"

/* One taken connection at a time is enough. */
struct taken {
  struct cg_conn *conn;
  struct bufferevent *bev;
  int drained, lost;
};

static struct taken taken;

static void on_drain(void *arg) {
  ((struct taken *)arg)->drained++;
}

static void on_lost(void *arg) {
  struct taken *t = arg;
  t->lost++;
  t->conn = NULL;
}

static void on_read(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct taken *t = arg;
  (void)bev;
  (void)what;
  cg_conn_release(t->conn);
  t->conn = NULL;
}

static void handle_other(struct cg_exchange *x) {
  const struct cg_conn_owner owner = {on_drain, on_lost, &taken};
  taken = (struct taken){.bev = x->wire->bev};
  cg_exchange_set_header(x, "Connection", "Upgrade");
  cg_exchange_set_header(x, "Upgrade", "other");
  taken.conn = cg_conn_take_over(x, &owner);
  if (!taken.conn) return;
  bufferevent_setcb(taken.bev, on_read, NULL, on_event, &taken);
  bufferevent_trigger(taken.bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

static const struct cg_route routes[] = {{"GET", "/other", handle_other, 0},
                                         {"GET", "/echo", handle_echo, 0},
                                         {NULL, NULL, NULL, 0}};

static struct answer answer;

static int open_other(struct gate *g, const char *request) {
  int fd = client_open(g);
  client_puts(fd, request);
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 101);
  assert_non_null(strstr(answer.text, "Upgrade: other\r\n"));
  assert_null(strstr(answer.text, "Content-Length"));
  return fd;
}

static void expect(int fd, const char *text) {
  char got[64] = "";
  assert_int_equal(recv(fd, got, strlen(text), MSG_WAITALL), strlen(text));
  assert_string_equal(got, text);
}

static void test_bytes_go_to_the_owner(void **state) {
  (void)state;
  struct gate *g = gate_open(routes, NULL, NULL);
  int fd = open_other(g, UPGRADE "behind it"); /* bytes in the request's segment */
  expect(fd, "behind it");
  client_puts(fd, GET("/echo")); /* no request any more */
  expect(fd, "GET /echo");
  assert_true(gate_until(g, gate_count_open, 1));
  close(fd);
  assert_true(gate_until(g, gate_count_open, 0));
  gate_close(g);
}

static void test_no_deadline_of_requests(void **state) {
  (void)state;
  struct gate *g = gate_open(routes, NULL, NULL);
  int fd = open_other(g, UPGRADE), idle = client_open(g);
  assert_true(gate_until(g, gate_count_open, 2));
  gate_advance(g, INT64_C(3600000000));
  assert_true(client_eof(idle)); /* the sweep has been there */
  close(idle);
  client_puts(fd, "still here");
  expect(fd, "still here");
  close(fd);
  assert_true(gate_until(g, gate_count_open, 0));
  gate_close(g);
}

static void drain(struct gate *g, void *arg) {
  (void)arg;
  cg_server_drain(g->server);
}

static void test_owner_hears_of_the_drain_and_the_end(void **state) {
  (void)state;
  struct gate *g = gate_open(routes, NULL, NULL);
  int fd = open_other(g, UPGRADE);
  gate_do(g, drain, NULL);
  assert_int_equal(taken.drained, 1);
  client_puts(fd, "last words");
  expect(fd, "last words");
  gate_close(g);
  assert_int_equal(taken.lost, 1);
  assert_true(client_eof(fd));
  close(fd);
}

static void test_counted_in_the_bounds(void **state) {
  (void)state;
  struct cg_server_limits limits = cg_server_limits_default;
  limits.connections = 1;
  limits.in_flight = 1; /* over when it is taken */
  struct gate *g = gate_open(routes, &limits, NULL);
  int fd = open_other(g, UPGRADE);
  assert_int_equal(client_ask(g, GET("/echo"), &answer), 503);
  close(fd);
  assert_true(gate_until(g, gate_count_open, 0));
  fd = open_other(g, UPGRADE);
  close(fd);
  gate_close(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bytes_go_to_the_owner),
      cmocka_unit_test(test_no_deadline_of_requests),
      cmocka_unit_test(test_owner_hears_of_the_drain_and_the_end),
      cmocka_unit_test(test_counted_in_the_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
