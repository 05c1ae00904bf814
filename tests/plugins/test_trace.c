/* A call's trace goes along with what the plugin asks of others on its behalf. */
#include <string.h>

#include "sfu.h"

static void ensure(struct harness *h, const char *room, const struct cg_trace *trace) {
  struct harness_call c = {0};
  cg_room_ensure(harness_drivers(h, 0), room, trace, harness_answered, &c);
  assert_int_equal(harness_wait(h, &c), CGP_OK);
}

static void a_request_carries_its_callers_trace(void **state) {
  (void)state;
  struct sfu sfu = {0};
  char options[512], text[64];
  sfu_listen(&sfu, options, sizeof options, "");
  struct harness *h = harness_open("room_livekit", options);
  sfu_serve(&sfu, h);
  const struct cg_trace trace = {"4bf92f3577b34da6a3ce929d0e0e4736", true};
  struct cg_trace first, second;
  ensure(h, "camera_a", &trace);
  assert_true(cg_trace_parse(sfu.traceparent, &first));
  assert_string_equal(first.id, trace.id);
  assert_true(first.sampled);
  memcpy(text, sfu.traceparent, sizeof text);
  ensure(h, "camera_b", &trace);
  assert_true(cg_trace_parse(sfu.traceparent, &second));
  assert_string_equal(second.id, trace.id);
  assert_string_not_equal(sfu.traceparent, text); /* each request is a span of its own */
  ensure(h, "camera_c", NULL);
  assert_string_equal(sfu.traceparent, "");
  sfu_close(&sfu);
  harness_close(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_carries_its_callers_trace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
