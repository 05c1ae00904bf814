/* A bound of requests at work: who is refused, who waits, who is served all the same. */
#include "http/handlers.h"

static struct answer answer;

static const struct cg_route routes[] = {{"GET", "/keep", handle_keep, 0},
                                         {"POST", "/keep", handle_keep, CG_ROUTE_KEEPS},
                                         {"GET", "/echo", handle_echo, 0},
                                         {"POST", "/echo", handle_echo, 0},
                                         {"GET", "/beat", handle_echo, CG_ROUTE_KEEPS},
                                         {NULL, NULL, NULL, 0}};

#define KEEPING "POST /keep HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"

static int set_up(void **state) {
  struct cg_server_limits limits = cg_server_limits_default;
  limits.in_flight = 2;
  struct gate *g = gate_open(routes, &limits, NULL);
  gate_advance(g, 1000000);
  *state = g;
  return 0;
}

static int tear_down(void **state) {
  struct gate *g = *state;
  while (g->n_kept) gate_do(g, reply_kept, NULL);
  gate_close(g);
  return 0;
}

static int ask(int fd, const char *request) {
  client_puts(fd, request);
  assert_true(client_answer(fd, &answer, false));
  return answer.status;
}

/* Two connections whose requests are at work. */
static void fill(struct gate *g, int fds[2]) {
  for (int i = 0; i < 2; i++) {
    fds[i] = client_open(g);
    client_puts(fds[i], GET("/keep"));
  }
  assert_true(gate_until(g, gate_count_kept, 2));
}

static bool silent(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, 100) == 0;
}

static void test_new_work_beyond_the_bound_is_refused(void **state) {
  struct gate *g = *state;
  int fds[2], fd = client_open(g);
  fill(g, fds);
  assert_int_equal(ask(fd, GET("/echo")), 503);
  assert_non_null(strstr(answer.text, "Retry-After: 1\r\n"));
  assert_non_null(strstr(answer_body(&answer), "/problems/busy"));
  assert_null(strstr(answer.text, "Connection: close"));
  gate_do(g, reply_kept, NULL);
  gate_advance(g, 1000000); /* as it was told */
  assert_int_equal(ask(fd, GET("/echo")), 200);
  for (int i = 0; i < 2; i++) close(fds[i]);
  close(fd);
}

static void test_what_keeps_a_grant_goes_on_to_twice_the_bound(void **state) {
  struct gate *g = *state;
  int fds[2], fd = client_open(g), more[2] = {client_open(g), client_open(g)};
  fill(g, fds);
  assert_int_equal(ask(fd, GET("/beat")), 200);
  assert_int_equal(ask(fd, GET("/nowhere")),
                   404); /* a plugin's, for all the load knows */
  for (int i = 0; i < 2; i++) client_puts(more[i], KEEPING);
  assert_true(gate_until(g, gate_count_kept, 4));
  assert_int_equal(ask(fd, GET("/beat")), 503);
  for (int i = 0; i < 2; i++) close(fds[i]), close(more[i]);
  close(fd);
}

static void test_who_leaves_still_counts(void **state) {
  struct gate *g = *state;
  int fds[2], fd = client_open(g);
  fill(g, fds);
  for (int i = 0; i < 2; i++) close(fds[i]);
  assert_true(gate_until(g, gate_count_open, 1));
  assert_int_equal(ask(fd, GET("/echo")), 503);
  gate_do(g, reply_kept, NULL);
  gate_advance(g, 1000000);
  assert_int_equal(ask(fd, GET("/echo")), 200);
  close(fd);
}

static void test_who_insists_waits_and_is_refused(void **state) {
  struct gate *g = *state;
  int fds[2], fd = client_open(g);
  fill(g, fds);
  assert_int_equal(ask(fd, GET("/echo")), 503);
  client_puts(fd, GET("/echo"));
  assert_true(silent(fd));
  gate_advance(g, 100000);
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 503);
  for (int i = 0; i < 2; i++) close(fds[i]);
  close(fd);
}

static void test_who_insists_has_a_place_that_is_free(void **state) {
  struct gate *g = *state;
  int fds[2], fd = client_open(g);
  fill(g, fds);
  assert_int_equal(ask(fd, GET("/echo")), 503);
  client_puts(fd, GET("/echo"));
  assert_true(silent(fd));
  gate_do(g, reply_kept, NULL);
  gate_advance(g, 100000);
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 200);
  for (int i = 0; i < 2; i++) close(fds[i]);
  close(fd);
}

/* The end comes with one at work, one waiting, and one of them without a client. */
static void test_the_end_of_a_full_server(void **state) {
  struct gate *g = *state;
  int fds[2], fd = client_open(g), gone = client_open(g);
  fill(g, fds);
  assert_int_equal(ask(fd, GET("/echo")), 503);
  assert_int_equal(ask(gone, GET("/echo")), 503);
  client_puts(fd, GET("/echo"));
  client_puts(gone, GET("/echo"));
  assert_true(silent(fd));
  close(gone);
  gate_do(g, gate_unlisten, NULL);
  assert_true(client_eof(fd));
  while (g->n_kept) gate_do(g, reply_kept, NULL); /* to nobody, after the server */
  gate_do(g, gate_listen, NULL);
  for (int i = 0; i < 2; i++) close(fds[i]);
  close(fd);
}

/* ---- answers that leave together ---- */

enum { CROWD = 40, LONG = 6000 };

static int set_up_roomy(void **state) {
  struct cg_server_limits limits = cg_server_limits_default;
  limits.in_flight = CROWD;
  *state = gate_open(routes, &limits, NULL);
  return 0;
}

/* From inside the loop, so that all of it is there when the loop looks next; some have an
 * answer that is too long to wait, and one leaves. */
static void all_ask(struct gate *g, void *arg) {
  int *fds = arg;
  (void)g;
  for (int i = 0; i < CROWD; i++) {
    char request[LONG + 256];
    int body = i % 8 == 5 ? LONG : i, n;
    n = snprintf(request, sizeof request,
                 "POST /echo HTTP/1.1\r\n" HOST
                 "X-Word: %d\r\nContent-Length: %d\r\n\r\n",
                 i, body);
    memset(request + n, 'x', (size_t)body);
    client_send(fds[i], request, (size_t)(n + body));
    if (i == CROWD / 2) close(fds[i]);
  }
}

static void test_answers_of_one_turn_arrive_whole(void **state) {
  struct gate *g = *state;
  int fds[CROWD];
  for (int i = 0; i < CROWD; i++) fds[i] = client_open(g);
  assert_true(gate_until(g, gate_count_open, CROWD));
  for (int round = 0; round < 2; round++) {
    gate_do(g, all_ask, fds);
    for (int i = 0; i < CROWD; i++) {
      char word[16];
      snprintf(word, sizeof word, "h=%d ", i);
      if (i == CROWD / 2) {
        fds[i] = client_open(g);
        continue;
      }
      assert_true(client_answer(fds[i], &answer, false));
      assert_int_equal(answer.status, 200);
      assert_non_null(strstr(answer_body(&answer), word));
    }
  }
  for (int i = 0; i < CROWD; i++) close(fds[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_new_work_beyond_the_bound_is_refused, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(test_what_keeps_a_grant_goes_on_to_twice_the_bound,
                                      set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_who_leaves_still_counts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_who_insists_waits_and_is_refused, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(test_who_insists_has_a_place_that_is_free, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(test_the_end_of_a_full_server, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_answers_of_one_turn_arrive_whole, set_up_roomy,
                                      tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
