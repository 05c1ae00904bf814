/* Log lines: whole JSON, bounded, without secrets. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "test.h"

/* A log into a pipe, so that a test reads what was written, line by line. */
struct fixture {
  int fds[2];
  struct cg_clock clock;
  struct cg_log *log;
  char line[65536];
};

static int setup(void **state) {
  static struct fixture f;
  assert_int_equal(pipe(f.fds), 0);
  f.clock = cg_clock_fake(0);
  f.log = cg_log_new(f.fds[1], CG_INFO, &f.clock);
  *state = &f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  cg_log_free(f->log);
  close(f->fds[0]);
  close(f->fds[1]);
  return 0;
}

/* The one line that was written, checked to be whole JSON; the caller's to free. */
static json_t *take_line(struct fixture *f) {
  ssize_t n = read(f->fds[0], f->line, sizeof f->line - 1);
  assert_in_range(n, 2, 4096);
  f->line[n] = '\0';
  assert_ptr_equal(strchr(f->line, '\n'), f->line + n - 1);
  json_t *json = json_loads(f->line, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(json);
  return json;
}

static void expect_line(struct fixture *f, const char *want) {
  json_decref(take_line(f));
  assert_string_equal(f->line, want);
}

static void a_line_is_json(void **state) {
  struct fixture *f = *state;
  CG_LOG(f->log, CG_WARN, "quota \"away\"\n", {"lease_id", "l1"}, {"tier", ""},
         {"dur_ms", NULL, 12});
  expect_line(f,
              "{\"ts\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"warn\","
              "\"msg\":\"quota \\\"away\\\"\\n\",\"lease_id\":\"l1\",\"dur_ms\":12}\n");
}

static void levels(void **state) {
  struct fixture *f = *state;
  cg_log_write(f->log, CG_DEBUG, "unheard", NULL, 0);
  struct cg_log *errors = cg_log_new(f->fds[1], CG_ERROR, &f->clock);
  cg_log_write(errors, CG_WARN, "unheard", NULL, 0);
  cg_log_write(errors, CG_ERROR, "heard", NULL, 0);
  cg_log_free(errors);
  json_t *json = take_line(f);
  assert_string_equal(json_string_value(json_object_get(json, "msg")), "heard");
  json_decref(json);
}

static void secrets_are_masked(void **state) {
  struct fixture *f = *state;
  cg_log_secret(f->log, "hunter2!");
  cg_log_secret(f->log, "hunter2!-and-more");
  cg_log_secret(f->log, "quo\"ted\\secret");
  cg_log_secret(f->log, "short"); /* too common to mask */
  cg_log_secret(f->log, NULL);
  CG_LOG(f->log, CG_INFO, "hunter2!hunter2! hunter2", {"a", "xhunter2!-and-morex", 0},
         {"b", "a quo\"ted\\secret b", 0}, {"c", "short", 0});
  expect_line(f, "{\"ts\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"info\","
                 "\"msg\":\"****** hunter2\",\"a\":\"x***x\",\"b\":\"a *** b\","
                 "\"c\":\"short\"}\n");
  char text[] = "password hunter2!, again hunter2!";
  cg_log_mask(f->log, text);
  assert_string_equal(text, "password ***, again ***");
}

/* A value is cut where a secret lies: no part of it may stay. */
static void a_cut_leaves_no_part_of_a_secret(void **state) {
  struct fixture *f = *state;
  static const char secret[] = "SECRETSECRETSECRET";
  cg_log_secret(f->log, secret);
  for (size_t at = 1000; at < 1030; at++) {
    char value[2000];
    memset(value, '.', sizeof value);
    memcpy(value + at, secret, sizeof secret - 1);
    value[sizeof value - 1] = '\0';
    CG_LOG(f->log, CG_INFO, value, {"field", value, 0});
    json_decref(take_line(f));
    assert_null(strpbrk(f->line + 60, "SECR"));
  }
}

static void lines_are_bounded(void **state) {
  struct fixture *f = *state;
  char value[60000];
  memset(value, '\x01', sizeof value - 1);
  value[sizeof value - 1] = '\0';
  for (size_t n = 0; n < 2000; n += 111) {
    value[n] = '\0';
    CG_LOG(f->log, CG_INFO, value, {"a", value, 0}, {"b", value, 0}, {"c", value, 0},
           {"d", value, 0});
    json_decref(take_line(f));
    value[n] = '\x01';
  }
  CG_LOG(f->log, CG_INFO, "m", {"a", value, 0}, {"b", "kept out", 0});
  json_t *json = take_line(f);
  assert_true(json_is_true(json_object_get(json, "cut")));
  assert_null(json_object_get(json, "b"));
  json_decref(json);
}

static void no_memory_still_logs(void **state) {
  struct fixture *f = *state;
  char value[3000];
  memset(value, 'x', sizeof value - 1);
  value[sizeof value - 1] = '\0';
  uint64_t before = cg_mem_count();
  if (before) CG_LOG(f->log, CG_INFO, "plain", {"camera", "lobby-1"});
  assert_int_equal(cg_mem_count(), before);
  json_decref(take_line(f));
  cg_mem_fail_after(1);
  CG_LOG(f->log, CG_INFO, "long", {"a", value, 0}, {"b", "there", 0});
  json_t *json = take_line(f);
  assert_true(json_is_null(json_object_get(json, "a")));
  assert_string_equal(json_string_value(json_object_get(json, "b")), "there");
  json_decref(json);
  cg_mem_fail_after(1);
  assert_null(cg_log_new(1, CG_INFO, &f->clock));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_line_is_json, setup, teardown),
      cmocka_unit_test_setup_teardown(levels, setup, teardown),
      cmocka_unit_test_setup_teardown(secrets_are_masked, setup, teardown),
      cmocka_unit_test_setup_teardown(a_cut_leaves_no_part_of_a_secret, setup, teardown),
      cmocka_unit_test_setup_teardown(lines_are_bounded, setup, teardown),
      cmocka_unit_test_setup_teardown(no_memory_still_logs, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
