/* What a dial refuses before it begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_cannot_be_sent)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
