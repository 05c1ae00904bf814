/* Sockets on a gate of http's own tests: back-pressure, what a user may call from where,
 * both roles in one process, and each allocation failing once. */
#include "base/mem.h"
#include "http/handlers.h"
#include "ws/dial.h"
#include "ws/handshake.h"

#define OPENING(path)                                                                    \
  "GET " path " HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"       \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

struct seen {
  int opened, closed, heard, slow, eased;
  bool refused; /* a send, at least once */
  struct cg_ws *ws;
  struct cg_ws_end end;
};

static struct seen seen; /* of the gate's thread; tests look at a copy */

static struct cg_ws_limits limits;

/* ---- what the server does, by a message's first letter ---- */

static void send_much(struct cg_ws *ws) {
  static char text[8192];
  memset(text, 'm', sizeof text);
  for (int i = 0; i < 1000; i++)
    if (!cg_ws_send(ws, CG_WS_TEXT, text, sizeof text)) {
      seen.refused = true;
      return;
    }
}

static void on_message(struct cg_ws *ws, void *arg, enum cg_ws_type type,
                       const char *data, size_t len) {
  (void)arg;
  seen.heard++;
  switch (len ? *data : 0) {
  case 'm': send_much(ws); break;
  case 'c':
    cg_ws_close(ws, 4001, "asked");
    cg_ws_close(ws, 4002, "too late");
    seen.refused = !cg_ws_send(ws, CG_WS_TEXT, "x", 1);
    break;
  default: cg_ws_send(ws, type, data, len);
  }
}

static void on_slow(struct cg_ws *ws, void *arg, bool slow) {
  (void)ws;
  (void)arg;
  seen.slow += slow;
  seen.eased += !slow;
}

static void on_closed(struct cg_ws *ws, void *arg, const struct cg_ws_end *end) {
  (void)arg;
  seen.closed++;
  seen.end = *end;
  CG_CHECK(!cg_ws_send(ws, CG_WS_TEXT, "x", 1)); /* safe, and in vain */
  cg_ws_close(ws, CG_WS_NORMAL, "");
}

static const struct cg_ws_events events = {on_message, on_slow, on_closed};

static void handle_ws(struct cg_exchange *x) {
  const struct cg_ws_conf conf = {gate_of(x)->loop, &limits, &events, NULL};
  if (!cg_ws_asked(x)) return;
  seen.ws = cg_ws_accept(x, NULL, &conf);
  seen.opened += seen.ws != NULL;
}

/* Speaks first, before its 101 could be told apart from what comes behind it. */
static void handle_greeting(struct cg_exchange *x) {
  handle_ws(x);
  CG_CHECK(cg_ws_send(seen.ws, CG_WS_TEXT, "hello", 5));
}

static const struct cg_route routes[] = {{"GET", "/ws", handle_ws, 0},
                                         {"GET", "/hi", handle_greeting, 0},
                                         {"GET", "/echo", handle_echo, 0},
                                         {NULL, NULL, NULL, 0}};

static int set_up(void **state) {
  memset(&seen, 0, sizeof seen);
  limits = cg_ws_limits_default;
  struct cg_server_limits http = cg_server_limits_default;
  http.in_flight = 64; /* so that there is a line */
  *state = gate_open(routes, &http, NULL);
  return 0;
}

static int tear_down(void **state) {
  gate_close(*state);
  return 0;
}

static void count_closed(struct gate *g, void *arg) {
  (void)g;
  *(int *)arg = seen.closed;
}

static void count_slow(struct gate *g, void *arg) {
  (void)g;
  *(int *)arg = seen.slow;
}

static void count_eased(struct gate *g, void *arg) {
  (void)g;
  *(int *)arg = seen.eased;
}

static void copy_seen(struct gate *g, void *arg) {
  (void)g;
  *(struct seen *)arg = seen;
}

static struct seen look(struct gate *g) {
  struct seen copy;
  gate_do(g, copy_seen, &copy);
  return copy;
}

/* ---- raw clients ---- */

static struct answer answer;

static int open_ws(struct gate *g) {
  int fd = client_open(g);
  client_puts(fd, OPENING("/ws"));
  assert_true(client_answer(fd, &answer, false));
  assert_int_equal(answer.status, 101);
  return fd;
}

static void say(int fd, enum cg_ws_type type, const char *data, size_t len) {
  const char head[6] = {(char)(0x80 | type), (char)(0x80 | len)}; /* masked by zeros */
  client_send(fd, head, sizeof head);
  client_send(fd, data, len);
}

static void take(int fd, void *to, size_t n) {
  assert_int_equal(recv(fd, to, n, MSG_WAITALL), n);
}

/* Length of the next frame's payload, which is dropped; its first two bytes are kept. */
static size_t hear(int fd, uint8_t *ret_type, unsigned char first[2]) {
  unsigned char head[2], more[2];
  static char rest[65536];
  take(fd, head, sizeof head);
  size_t n = head[1];
  assert_true(n <= 126);
  if (n == 126) take(fd, more, sizeof more), n = (size_t)more[0] << 8 | more[1];
  *ret_type = head[0] & 15;
  if (n) take(fd, rest, n);
  if (n >= 2) memcpy(first, rest, 2);
  return n;
}

static void expect_close(int fd, unsigned code) {
  uint8_t type;
  unsigned char first[2] = {0};
  do hear(fd, &type, first);
  while (type == CG_WS_TEXT);
  assert_int_equal(type, CG_WS_CLOSE);
  assert_int_equal(first[0] << 8 | first[1], code);
}

static void test_a_full_queue_refuses_and_eases(void **state) {
  struct gate *g = *state;
  uint8_t type;
  unsigned char first[2];
  size_t got = 0;
  int fd = open_ws(g);
  say(fd, CG_WS_TEXT, "m", 1);
  assert_true(gate_until(g, count_slow, 1));
  assert_true(look(g).refused);
  say(fd, CG_WS_TEXT, "c", 1); /* waits while the socket is slow */
  assert_int_equal(look(g).heard, 1);
  while (got < limits.queue_high) got += hear(fd, &type, first);
  expect_close(fd, 4001);
  assert_int_equal(look(g).slow, 1);
  assert_true(gate_until(g, count_eased, 1));
  say(fd, CG_WS_CLOSE, "\x0f\xa1", 2);
  assert_true(client_eof(fd));
  close(fd);
  assert_true(gate_until(g, count_closed, 1));
  assert_int_equal(look(g).end.sent, 4001);
  assert_int_equal(look(g).end.received, 4001);
  assert_null(look(g).end.why);
}

static void test_the_first_close_counts(void **state) {
  struct gate *g = *state;
  int fd = open_ws(g);
  say(fd, CG_WS_TEXT, "c", 1);
  say(fd, CG_WS_TEXT, "dropped", 7);
  expect_close(fd, 4001);
  assert_true(look(g).refused);
  say(fd, CG_WS_CLOSE, "", 0);
  assert_true(client_eof(fd));
  close(fd);
  assert_true(gate_until(g, count_closed, 1));
  assert_int_equal(look(g).heard, 1);
  assert_int_equal(look(g).end.received, CG_WS_NO_CODE);
}

static void close_it(struct gate *g, void *arg) {
  (void)g;
  (void)arg;
  cg_ws_close(seen.ws, CG_WS_POLICY, "from outside its callbacks");
}

static void test_closed_from_outside(void **state) {
  struct gate *g = *state;
  int fd = open_ws(g);
  gate_do(g, close_it, NULL);
  assert_int_equal(look(g).closed, 0); /* never from within */
  expect_close(fd, CG_WS_POLICY);
  close(fd);
  assert_true(gate_until(g, count_closed, 1));
}

static void test_the_listener_is_freed(void **state) {
  struct gate *g = *state;
  int fd = open_ws(g);
  say(fd, CG_WS_TEXT, "hello", 5);
  uint8_t type;
  unsigned char first[2];
  assert_int_equal(hear(fd, &type, first), 5);
  gate_do(g, gate_unlisten, NULL);
  assert_int_equal(look(g).closed, 1);
  assert_string_equal(look(g).end.why, "the server has stopped");
  assert_true(client_eof(fd));
  close(fd);
  gate_do(g, gate_listen, NULL); /* for the end of the test */
}

/* As many at once as admission answers from its line in one turn, through its outbox. */
struct crowd {
  int fds[40];
};

static void open_crowd(struct gate *g, void *arg) {
  struct crowd *crowd = arg;
  for (size_t i = 0; i < CG_COUNT(crowd->fds); i++) {
    crowd->fds[i] = client_open(g); /* nobody accepts it yet: this is the gate's thread */
    client_puts(crowd->fds[i], OPENING("/hi"));
  }
}

static void test_the_101_comes_first(void **state) {
  struct gate *g = *state;
  struct crowd crowd;
  gate_do(g, open_crowd, &crowd);
  for (size_t i = 0; i < CG_COUNT(crowd.fds); i++) {
    uint8_t type;
    unsigned char first[2];
    assert_true(client_answer(crowd.fds[i], &answer, false));
    assert_int_equal(answer.status, 101);
    assert_int_equal(hear(crowd.fds[i], &type, first), 5);
    assert_memory_equal(first, "he", 2);
    close(crowd.fds[i]);
  }
}

/* ---- without memory ---- */

static void fail_after(struct gate *g, void *arg) {
  (void)g;
  cg_mem_fail_after(*(uint64_t *)arg);
}

/* 101 and an echo, an answer that says why not, or a close: never a crash or a leak. */
static bool converse(struct gate *g, uint64_t nth) {
  uint64_t off = 0;
  char first;
  gate_do(g, fail_after, &nth);
  int fd = client_open(g), status = 0;
  client_puts(fd, OPENING("/ws"));
  if (recv(fd, &first, 1, MSG_PEEK) == 1 && client_answer(fd, &answer, false))
    status = answer.status;
  if (status == 101) say(fd, CG_WS_TEXT, "hello", 5);
  bool echoed = status == 101 && recv(fd, &first, 1, 0) == 1 && first == (char)0x81;
  close(fd);
  gate_do(g, fail_after, &off);
  assert_true(status == 0 || status == 101 || status == 503);
  return echoed;
}

static void test_each_allocation_fails(void **state) {
  for (uint64_t nth = 1; nth <= 20; nth++) {
    converse(*state, nth);
    assert_true(gate_until(*state, gate_count_open, 0));
    gate_close(*state);
    *state = gate_open(routes, NULL, NULL); /* warm pools would allocate nothing */
  }
  assert_true(converse(*state, 0));
  assert_true(gate_until(*state, gate_count_open, 0));
  const struct seen all = look(*state);
  assert_int_equal(all.opened, all.closed);
}

/* ---- dialled on the loop that serves ---- */

static struct cg_ws_dialer *dialer;
static struct cg_ws_dial *dialled;
static int done, failed;

static void on_answer(struct cg_ws *ws, void *arg, enum cg_ws_type type, const char *data,
                      size_t len) {
  (void)arg;
  (void)type;
  CG_CHECK(len == 5 && memcmp(data, "hello", 5) == 0);
  cg_ws_close(ws, CG_WS_NORMAL, "");
}

static void on_end(struct cg_ws *ws, void *arg, const struct cg_ws_end *end) {
  (void)ws;
  (void)arg;
  (void)end;
  seen.closed++;
}

static const struct cg_ws_events client_events = {on_answer, NULL, on_end};

static void on_done(void *arg, struct cg_ws *ws, const char *protocol,
                    const struct cg_err *err) {
  (void)arg;
  (void)protocol;
  done++;
  dialled = NULL;
  failed += err != NULL;
  if (ws && !cg_ws_send(ws, CG_WS_TEXT, "hello", 5)) cg_ws_close(ws, 1011, "");
}

static void count_done(struct gate *g, void *arg) {
  (void)g;
  *(int *)arg = done;
}

static void count_failed(struct gate *g, void *arg) {
  (void)g;
  *(int *)arg = failed;
}

static void dial(struct gate *g, void *arg) {
  char url[64];
  struct cg_err err;
  snprintf(url, sizeof url, "ws://127.0.0.1:%u/%s", g->port, (const char *)arg);
  const struct cg_ws_dial_conf conf = {
      .url = url,
      .timeout_us = 10000000,
      .ws = {g->loop, &limits, &client_events, NULL},
      .done = on_done,
  };
  dialled = cg_ws_dial(dialer, &conf, &err);
  if (!dialled) done++, failed++;
}

static void make_dialer(struct gate *g, void *arg) {
  const struct cg_ws_dialer_conf conf = {.loop = g->loop};
  struct cg_err err;
  (void)arg;
  dialer = cg_ws_dialer_new(&conf, &err);
  CG_CHECK(dialer);
  done = failed = 0;
}

static void free_dialer(struct gate *g, void *arg) {
  (void)g;
  (void)arg;
  cg_ws_dialer_free(dialer);
}

static void cancel(struct gate *g, void *arg) {
  (void)g;
  (void)arg;
  if (dialled) cg_ws_dial_cancel(dialled);
}

static void test_both_roles(void **state) {
  struct gate *g = *state;
  gate_do(g, make_dialer, NULL);
  gate_do(g, dial, (char[]){"ws"});
  assert_true(gate_until(g, count_closed, 2));
  gate_do(g, dial, (char[]){"echo"}); /* answers 200 */
  assert_true(gate_until(g, count_done, 2));
  int n_failed;
  gate_do(g, count_failed, &n_failed);
  assert_int_equal(n_failed, 1);
  gate_do(g, free_dialer, NULL);
}

static void test_dials_cancelled_at_each_moment(void **state) {
  struct gate *g = *state;
  gate_do(g, make_dialer, NULL);
  for (int turns = 0; turns < 12; turns++) {
    gate_do(g, dial, (char[]){"ws"});
    for (int i = 0; i < turns; i++) gate_do(g, gate_turn, NULL);
    gate_do(g, cancel, NULL);
  }
  assert_true(gate_until(g, gate_count_open, 0));
  gate_do(g, free_dialer, NULL);
}

static void test_dials_without_memory(void **state) {
  struct gate *g = *state;
  uint64_t off = 0;
  gate_do(g, make_dialer, NULL);
  for (uint64_t nth = 1; nth <= 12; nth++) {
    int before = -1;
    gate_do(g, count_done, &before);
    gate_do(g, fail_after, &nth);
    gate_do(g, dial, (char[]){"ws"});
    assert_true(gate_until(g, count_done, before + 1));
    gate_do(g, fail_after, &off);
    assert_true(gate_until(g, gate_count_open, 0));
  }
  gate_do(g, free_dialer, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_a_full_queue_refuses_and_eases),
      TEST(test_the_first_close_counts),
      TEST(test_closed_from_outside),
      TEST(test_the_listener_is_freed),
      TEST(test_the_101_comes_first),
      TEST(test_each_allocation_fails),
      TEST(test_both_roles),
      TEST(test_dials_cancelled_at_each_moment),
      TEST(test_dials_without_memory),
#undef TEST
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
