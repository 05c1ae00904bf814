/* What a dial refuses before it begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "ws/dial.h"

#define SPLIT "a\r\nInjected: b"

static const struct cg_header headers[] = {
    {"X-Word", SPLIT}, {"X-Word: a\r\nX", "b"}, {"", "b"}};

static const struct cg_ws_dial_conf refused[] = {
    {.url = "http://localhost/"},
    {.url = "ws://localhost/" SPLIT},
    {.url = "ws://localhost/", .protocols = SPLIT},
    {.url = "ws://localhost/", .headers = &headers[0], .n_headers = 1},
    {.url = "ws://localhost/", .headers = &headers[1], .n_headers = 1},
    {.url = "ws://localhost/", .headers = &headers[2], .n_headers = 1},
};

static void test_what_cannot_be_sent(void **state) {
  (void)state;
  struct cg_err err;
  const struct cg_ws_dialer_conf conf = {.loop = cg_loop_new(&err)};
  struct cg_ws_dialer *dialer = cg_ws_dialer_new(&conf, &err);
  assert_non_null(dialer);
  for (size_t i = 0; i < CG_COUNT(refused); i++)
    if (cg_ws_dial(dialer, &refused[i], &err)) fail_msg("row %zu was dialled", i);
  cg_ws_dialer_free(dialer);
  cg_loop_turn(conf.loop);
  cg_loop_free(conf.loop);
}

/* ---- names: their files may change while the dialer lives ---- */

struct call {
  struct cg_loop *loop;
  char said[CG_ERR_TEXT_MAX];
};

static void heard(void *arg, struct cg_ws *ws, const char *protocol,
                  const struct cg_err *err) {
  struct call *c = arg;
  (void)ws, (void)protocol;
  snprintf(c->said, sizeof c->said, "%s", err ? err->text : "open");
  cg_loop_stop(c->loop);
}

static void write_hosts(const char *path, const char *text) {
  char next[64];
  snprintf(next, sizeof next, "%s.new", path);
  FILE *f = fopen(next, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
  assert_int_equal(rename(next, path), 0);
}

static void test_names_are_read_again(void **state) {
  (void)state;
  struct cg_err err;
  char hosts[] = "/tmp/camgate-hosts-XXXXXX";
  close(mkstemp(hosts));
  write_hosts(hosts, "127.0.0.1 moves.test\n");
  struct call c = {.loop = cg_loop_new(&err)};
  const struct cg_ws_dialer_conf conf = {
      .loop = c.loop, .hosts = hosts, .resolv_conf = "/dev/null"};
  struct cg_ws_dialer *dialer = cg_ws_dialer_new(&conf, &err);
  const struct cg_ws_dial_conf dial = {.url = "ws://moves.test:1/",
                                       .timeout_us = 5000000,
                                       .ws = {.loop = c.loop},
                                       .done = heard,
                                       .arg = &c};
  for (int i = 1; i <= 3; i++) {
    char line[64], wanted[128];
    snprintf(line, sizeof line, "127.0.0.%d moves.test\n", i);
    snprintf(wanted, sizeof wanted,
             "cannot reach moves.test:1 at 127.0.0.%d: Connection refused", i);
    write_hosts(hosts, line);
    assert_non_null(cg_ws_dial(dialer, &dial, &err));
    cg_loop_run(c.loop);
    assert_string_equal(c.said, wanted);
  }
  cg_ws_dialer_free(dialer);
  cg_loop_turn(c.loop);
  cg_loop_free(c.loop);
  remove(hosts);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_cannot_be_sent),
                                     cmocka_unit_test(test_names_are_read_again)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
