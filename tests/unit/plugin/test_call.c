/* One completion per call, whatever the plugin does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "plugin/call.h"

struct bed {
  struct cg_loop *loop;
  struct cg_log *log;
  struct cg_metrics *metrics;
  struct cg_calls *calls;
  struct cg_call_owner owner;
  int fd, times, stop_at;
  enum cgp_code code;
};

static int setup(void **state) {
  struct bed *b = calloc(1, sizeof *b);
  b->loop = cg_loop_new(NULL);
  b->fd = open("/dev/null", O_WRONLY);
  b->log = cg_log_new(b->fd, CG_DEBUG, &cg_clock_system);
  b->metrics = cg_metrics_new(1);
  b->calls = cg_calls_new(b->loop, b->log, b->metrics, 0);
  b->owner.plugin = "mock";
  *state = b;
  return 0;
}

static int teardown(void **state) {
  struct bed *b = *state;
  cg_calls_free(b->calls);
  cg_metrics_free(b->metrics);
  cg_log_free(b->log);
  cg_loop_free(b->loop);
  close(b->fd);
  free(b);
  return 0;
}

static void ended(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct bed *b = arg;
  (void)result, (void)text;
  b->code = code;
  b->times++;
  if (b->times == b->stop_at) cg_loop_stop(b->loop);
}

static struct cgp_call begin(struct bed *b, uint32_t ms) {
  return cg_call_begin(b->calls, &b->owner, ms, &cg_result_none, ended, b);
}

static int64_t misuse(struct bed *b, const char *labels) {
  return cg_metric_sum(
      b->metrics, cg_metric(b->metrics, CG_COUNTER, "plugin_misuse_total", labels, ""));
}

static void completes_once(void **state) {
  struct bed *b = *state;
  struct cgp_call call = begin(b, 1000);
  assert_true(call.id && cg_call_is_open(b->calls, call));
  cg_call_done(b->calls, call, NULL);
  cg_call_fail(b->calls, call, CGP_E_BUSY, "again");
  assert_int_equal(b->times, 1);
  assert_int_equal(b->code, CGP_OK);
  assert_int_equal(b->owner.open, 0);
  assert_int_equal(misuse(b, "kind=\"twice\""), 1);
}

static void a_stale_handle_never_touches_its_slots_next_call(void **state) {
  struct bed *b = *state;
  struct cgp_call old = begin(b, 1000);
  cg_call_done(b->calls, old, NULL);
  struct cgp_call next = begin(b, 1000);
  cg_call_done(b->calls, old, NULL);
  cg_call_done(b->calls, (struct cgp_call){12345}, NULL);
  cg_call_done(b->calls, (struct cgp_call){0}, NULL);
  assert_int_equal(b->times, 1);
  assert_true(cg_call_is_open(b->calls, next));
  assert_int_equal(misuse(b, "kind=\"stale\""), 3);
  assert_null(cg_call_alloc(b->calls, old, 8));
}

static void deadlines_end_calls_of_every_length(void **state) {
  struct bed *b = *state;
  struct cgp_call slow = begin(b, 60000);
  begin(b, 30);
  begin(b, 10);
  begin(b, 30);
  b->stop_at = 3;
  cg_loop_run(b->loop);
  assert_int_equal(b->times, 3);
  assert_int_equal(b->code, CGP_E_TIMEOUT);
  assert_true(cg_call_is_open(b->calls, slow));
  assert_int_equal(cg_calls_open(b->calls), 1);
  assert_int_equal(b->owner.open, 4); /* timed out ones still hold their share */
}

static void memory_outlives_the_deadline_until_the_late_completion(void **state) {
  struct bed *b = *state;
  struct cgp_call call = begin(b, 5);
  char *text = cg_call_alloc(b->calls, call, 64);
  memset(text, 'x', 64);
  b->stop_at = 1;
  cg_loop_run(b->loop);
  assert_int_equal(b->code, CGP_E_TIMEOUT);
  assert_int_equal(text[63], 'x'); /* the sanitizer's to judge */
  assert_int_equal(b->owner.bytes, 64);
  cg_call_done(b->calls, call, NULL);
  assert_int_equal(b->times, 1);
  assert_int_equal(b->owner.open + b->owner.bytes, 0);
  assert_int_equal(misuse(b, "kind=\"late\""), 1);
}

static void memory_of_a_plugin_is_bounded(void **state) {
  struct bed *b = *state;
  struct cgp_call call = begin(b, 1000);
  assert_null(cg_call_alloc(b->calls, call, CG_CALLS_MEMORY + 1));
  assert_null(cg_call_alloc(b->calls, call, SIZE_MAX));
  assert_non_null(cg_call_alloc(b->calls, call, 1));
}

static void a_share_used_up_is_busy_for_that_plugin_alone(void **state) {
  struct bed *b = *state;
  struct cg_call_owner other = {.plugin = "other"};
  for (int i = 0; i < CG_CALLS_PER_PLUGIN; i++) assert_true(begin(b, 1000).id);
  assert_int_equal(begin(b, 1000).id, 0);
  struct cgp_call call = cg_call_begin(b->calls, &other, 1000, &cg_result_none, ended, b);
  assert_true(call.id);
  cg_call_done(b->calls, call, NULL);
  cg_calls_free(b->calls);
  b->calls = NULL;
  assert_int_equal(b->times, CG_CALLS_PER_PLUGIN + 1);
  assert_int_equal(b->code, CGP_E_UNAVAILABLE);
}

struct stranger {
  struct bed *b;
  struct cgp_call call;
};

static void *complete(void *arg) {
  struct stranger *s = arg;
  cg_call_done(s->b->calls, s->call, NULL);
  return NULL;
}

static void another_threads_completion_is_dropped(void **state) {
  struct bed *b = *state;
  struct stranger s = {b, begin(b, 1000)};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, complete, &s), 0);
  pthread_join(thread, NULL);
  assert_int_equal(b->times, 0);
  assert_int_equal(misuse(b, "kind=\"thread\""), 1);
}

/* fn begins the next call while its own is ending: the table may grow under it. */
static void chain(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct bed *b = arg;
  (void)code, (void)result, (void)text;
  b->times++;
  for (int i = 0; i < 100; i++) assert_true(begin(b, 1000).id);
}

static void calls_may_begin_inside_a_completion(void **state) {
  struct bed *b = *state;
  struct cgp_call call =
      cg_call_begin(b->calls, &b->owner, 1000, &cg_result_none, chain, b);
  cg_call_done(b->calls, call, NULL);
  assert_int_equal(cg_calls_open(b->calls), 100);
}

static const char *never_whole(const void *result) {
  (void)result;
  return "half of it is missing";
}

static void nonsense_is_a_failure_and_counted(void **state) {
  struct bed *b = *state;
  static const struct cg_result_kind kind = {8, 8, never_whole, NULL};
  struct cgp_call call = cg_call_begin(b->calls, &b->owner, 1000, &kind, ended, b);
  cg_call_done(b->calls, call, &CGP_MAKE(cgp_audit_appended, 1));
  assert_int_equal(b->times, 1);
  assert_int_equal(b->code, CGP_E_INTERNAL);
  assert_int_equal(misuse(b, "kind=\"nonsense\""), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(completes_once),
      TEST(a_stale_handle_never_touches_its_slots_next_call),
      TEST(deadlines_end_calls_of_every_length),
      TEST(memory_outlives_the_deadline_until_the_late_completion),
      TEST(memory_of_a_plugin_is_bounded),
      TEST(a_share_used_up_is_busy_for_that_plugin_alone),
      TEST(another_threads_completion_is_dropped),
      TEST(calls_may_begin_inside_a_completion),
      TEST(nonsense_is_a_failure_and_counted),
  };
  event_set_mem_functions(cg_alloc, cg_realloc, cg_free);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
