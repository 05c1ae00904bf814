/* Every allocation of a request fails once: an answer or a close, never a crash. */
#include "base/mem.h"
#include "http/handlers.h"

struct word {
  const char *name;
};

static void handle_json(struct cg_exchange *x) {
  static const struct cg_field fields[] = {{.name = "name",
                                            .type = CG_STRING,
                                            .required = true,
                                            .max = 8000,
                                            .help = "A name."},
                                           {0}};
  struct word in = {NULL};
  if (!cg_exchange_body(x, fields, &in, NULL)) return;
  cg_exchange_reply(x, 201, "text/plain", in.name, strlen(in.name));
}

static const struct cg_route routes[] = {{"GET", "/echo", handle_echo, 0},
                                         {"GET", "/empty", handle_empty, 0},
                                         {"POST", "/json", handle_json, 0},
                                         {NULL, NULL, NULL, 0}};

static struct answer answer;

static void fail_after(struct gate *g, void *arg) {
  (void)g;
  cg_mem_fail_after(*(uint64_t *)arg);
}

/* The status, or 0 when the connection was closed without an answer. */
static int ask_failing(struct gate *g, const char *request, uint64_t nth) {
  uint64_t off = 0;
  gate_do(g, fail_after, &nth);
  int fd = client_open(g);
  client_puts(fd, request);
  char first;
  bool answered = recv(fd, &first, 1, MSG_PEEK) == 1 && client_answer(fd, &answer, false);
  close(fd);
  gate_do(g, fail_after, &off);
  return answered ? answer.status : 0;
}

static void torture(const char *request, int good) {
  for (uint64_t nth = 1; nth <= 24; nth++) {
    /* a gate of its own each: with warm pools nothing would be allocated */
    struct gate *g = gate_open(routes, NULL, NULL);
    int status = ask_failing(g, request, nth);
    if (status != good && status != 503 && status != 0)
      fail_msg("%d when allocation %d failed", status, (int)nth);
    assert_int_equal(ask_failing(g, request, 0), good);
    gate_close(g);
  }
}

static void test_each_allocation_fails(void **state) {
  (void)state;
  torture(GET("/echo?a=1&b=2"), 200);
  torture(GET("/nothing"), 404);
  torture("POST / HTTP/1.1\r\n\r\n", 400);
  torture("POST /json HTTP/1.1\r\n" HOST
          "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
          "C\r\n{\"name\":\"x\"}\r\n0\r\n\r\n",
          201);
  torture("POST /json HTTP/1.1\r\n" HOST
          "Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"name\":\"x\"}",
          201);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation_fails)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
