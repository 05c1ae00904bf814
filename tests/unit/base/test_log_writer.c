/* The log's thread: nobody waits for it, lines stay whole, what many say is counted. */
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/process_log.h"
#include "test.h"

#define THREADS 4
#define LINES   2000
#define MOST    (8 << 20) /* bytes that any of these tests brings out of the pipe */

struct fixture {
  int fds[2];
  struct cg_metrics *metrics;
  struct cg_log *log;
  pthread_t reader;
  char *text; /* all that came out of the pipe */
  size_t n;
};

static int setup(void **state) {
  static struct fixture f;
  f = (struct fixture){.metrics = cg_metrics_new(1)};
  if (pipe(f.fds) != 0 || !f.metrics) return -1;
  f.log = cg_log_new(f.fds[1], CG_DEBUG, &cg_clock_system);
  f.text = cg_alloc(MOST + 1);
  *state = &f;
  return f.text && f.log && cg_log_start(f.log, f.metrics, NULL) ? 0 : -1;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  cg_metrics_free(f->metrics);
  if (f->fds[0] >= 0) close(f->fds[0]);
  cg_free(f->text);
  return 0;
}

/* Quicker than the log's thread, however slow the sanitizer. */
static void *read_all(void *arg) {
  struct fixture *f = arg;
  ssize_t n;
  while ((n = read(f->fds[0], f->text + f->n, MOST - f->n)) > 0) f->n += (size_t)n;
  return NULL;
}

static void start_reading(struct fixture *f) {
  assert_int_equal(pthread_create(&f->reader, NULL, read_all, f), 0);
}

/* The log is over, and all of it read. */
static void finish(struct fixture *f) {
  cg_log_free(f->log);
  close(f->fds[1]);
  pthread_join(f->reader, NULL);
}

static int64_t dropped(const struct fixture *f) {
  return cg_metric_sum(
      f->metrics, cg_metric(f->metrics, CG_COUNTER, "log_lines_dropped_total", "", ""));
}

/* Of all lines with this message: how many, and what they stand for. */
struct sum {
  int64_t lines, times, last_n;
};

static struct sum sum_of(struct fixture *f, const char *msg, int64_t thread) {
  struct sum s = {0};
  char *at = f->text, *save;
  for (char *line = strtok_r(at, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    const json_t *times = json_object_get(json, "repeated");
    bool own =
        strcmp(json_string_value(json_object_get(json, "msg")), msg) == 0 &&
        (thread < 0 || json_integer_value(json_object_get(json, "thread")) == thread);
    if (own) {
      int64_t n = json_integer_value(json_object_get(json, "n"));
      assert_true(thread < 0 || n > s.last_n);
      s = (struct sum){s.lines + 1, s.times + (times ? json_integer_value(times) : 1), n};
    }
    json_decref(json);
  }
  return s;
}

struct talker {
  struct fixture *f;
  enum cg_level level;
  int64_t thread;
};

static void *talk(void *arg) {
  const struct talker *t = arg;
  for (int64_t n = 1; n <= LINES; n++)
    CG_LOG(t->f->log, t->level, "again", {"thread", NULL, t->thread}, {"n", NULL, n});
  return NULL;
}

static void talk_all(struct fixture *f, enum cg_level level) {
  pthread_t threads[THREADS];
  struct talker talkers[THREADS];
  for (int i = 0; i < THREADS; i++) {
    talkers[i] = (struct talker){f, level, i};
    assert_int_equal(pthread_create(&threads[i], NULL, talk, &talkers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static void what_many_threads_repeat_is_counted(void **state) {
  struct fixture *f = *state;
  start_reading(f);
  talk_all(f, CG_ERROR);
  finish(f);
  struct sum s = sum_of(f, "again", -1);
  assert_int_equal(s.times, THREADS * LINES);
  assert_in_range(s.lines, 2, 40);
  assert_int_equal(dropped(f), 0);
}

static void lines_of_a_thread_keep_their_order(void **state) {
  struct fixture *f = *state;
  start_reading(f);
  struct talker one = {f, CG_DEBUG, 7};
  talk(&one);
  finish(f);
  struct sum s = sum_of(f, "again", 7);
  assert_int_equal(s.lines, LINES);
}

/* More than the queue and the pipe hold; nobody waits, and all of it is accounted for. */
static void a_pipe_that_is_not_read_holds_up_nobody(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 3; i++) talk_all(f, CG_DEBUG);
  int64_t lost = dropped(f);
  assert_true(lost > 0);
  start_reading(f);
  finish(f);
  char *said = strstr(f->text, "log lines were dropped\",\"count\":");
  assert_non_null(said);
  assert_int_equal(strtoll(strrchr(said, ':') + 1, NULL, 10), lost);
  struct sum s = sum_of(f, "again", -1);
  assert_int_equal(s.lines + lost, 3 * THREADS * LINES);
}

static void a_stop_has_bounded_patience(void **state) {
  struct fixture *f = *state;
  talk_all(f, CG_DEBUG);
  int64_t began = cg_clock_system.mono_us(&cg_clock_system);
  cg_log_free(f->log);
  assert_in_range(cg_clock_system.mono_us(&cg_clock_system) - began, 1500000, 20000000);
  close(f->fds[1]);
}

static void a_reader_that_left_is_no_end(void **state) {
  struct fixture *f = *state;
  close(f->fds[0]);
  f->fds[0] = -1;
  talk_all(f, CG_DEBUG);
  cg_log_free(f->log);
  close(f->fds[1]);
  assert_int_equal(dropped(f), THREADS * LINES);
}

static void who_is_at_fault_is_of_the_kind_and_numbers_are_not(void **state) {
  struct fixture *f = *state;
  start_reading(f);
  for (int i = 0; i < 10; i++) {
    char lease[32], text[64], rule[2] = {(char)('a' + i % 2), '\0'};
    snprintf(lease, sizeof lease, "L%d", i);
    snprintf(text, sizeof text, "lease L%d: no answer in %d ms", i, 10 + i);
    CG_LOG(f->log, CG_WARN, "fields differ", {"lease_id", lease}, {"n", NULL, i});
    CG_LOG(f->log, CG_WARN, "rules differ", {"rule", rule});
    cg_log_write_kind(f->log, CG_WARN, text, "numbers differ", NULL, 0);
    cg_log_write_kind(f->log, CG_WARN, i % 2 ? "one" : "other", "kinds differ", NULL, 0);
  }
  finish(f);
  static const struct {
    const char *msg;
    int64_t lines;
  } want[] = {{"fields differ", 2},
              {"rules differ", 4},
              {"numbers differ", 2},
              {"kinds differ", 4}};
  char *all = cg_strdup(f->text);
  for (size_t i = 0; i < CG_COUNT(want); i++) {
    memcpy(f->text, all, f->n + 1);
    struct sum s = sum_of(f, want[i].msg, -1);
    assert_int_equal(s.lines, want[i].lines);
    assert_int_equal(s.times, 10);
  }
  cg_free(all);
}

static void controls_that_act_in_a_terminal_do_not(void **state) {
  struct fixture *f = *state;
  start_reading(f);
  CG_LOG(f->log, CG_WARN, "\x1b[2J\x7f|\xc2\x9b|\xc2\xa0|\xff|\xe2\x82", {"a", "\r\n\b"});
  cg_log_say(f->log, "camgate: %s", "plain \x1b[1m\xff\xc2\x9b\xc3\xa4");
  finish(f);
  static const char want[] = "[2J?|\?\?|\xc2\xa0|\xef\xbf\xbd|\xef\xbf\xbd\"";
  assert_memory_equal(strchr(f->text, '['), want, sizeof want - 1);
  assert_non_null(strstr(f->text, "\\u001b[") && strstr(f->text, "\"\\r\\n\\b\"}\n"));
  assert_non_null(strstr(f->text, "\ncamgate: plain ?[1m?\?\?\xc3\xa4\n"));
}

static void secrets_do_not_come_out_of_the_queue(void **state) {
  struct fixture *f = *state;
  cg_log_secret(f->log, "open sesame");
  start_reading(f);
  for (int i = 0; i < 3; i++)
    CG_LOG(f->log, CG_WARN, "said open sesame", {"a", "open sesame!"});
  cg_log_say(f->log, "camgate: %s", "open sesame");
  finish(f);
  assert_null(strstr(f->text, "sesame"));
  assert_non_null(strstr(f->text, "\"said ***\",\"a\":\"***!\",\"repeated\":2}\n"));
  assert_non_null(strstr(f->text, "camgate: ***\n"));
}

/* As a command writes, to a pipe that somebody else made non-blocking. */
static void without_a_thread_lines_are_whole_too(void **state) {
  struct fixture *f = *state;
  cg_log_free(f->log);
  f->log = cg_log_new(f->fds[1], CG_DEBUG, &cg_clock_system);
  assert_true(fcntl(f->fds[1], F_SETPIPE_SZ, 4096) >= 4096);
  assert_int_equal(fcntl(f->fds[1], F_SETFL, O_NONBLOCK), 0);
  start_reading(f);
  struct talker one = {f, CG_ERROR, 7};
  talk(&one);
  finish(f);
  assert_int_equal(sum_of(f, "again", 7).lines, LINES);
}

/* libevent has something to say of a descriptor that is none. */
static void words_of_libevent_are_lines(void **state) {
  struct fixture *f = *state;
  start_reading(f);
  struct event_base *base = event_base_new();
  struct event *ev = event_new(base, 1000, EV_READ, NULL, NULL);
  cg_process_log(f->log);
  assert_int_equal(event_add(ev, NULL), -1);
  cg_process_log(NULL);
  event_free(ev);
  event_base_free(base);
  finish(f);
  assert_non_null(strstr(f->text, "\"level\":\"warn\",\"msg\":\"event loop\""));
}

/* A value is cut in front of a character. */
static void a_cut_value_ends_with_a_whole_character(void **state) {
  struct fixture *f = *state;
  char text[1200];
  start_reading(f);
  for (size_t i = 0; i < 4; i++) {
    memset(text, 'x', sizeof text);
    for (size_t at = i; at + 3 < sizeof text; at += 3)
      memcpy(text + at, "\xe2\x82\xac", 3);
    text[1100] = '\0';
    CG_LOG(f->log, CG_DEBUG, "cut", {"a", text});
  }
  finish(f);
  assert_null(strstr(f->text, "\xef\xbf\xbd"));
}

static void no_memory_is_no_start(void **state) {
  (void)state;
  struct cg_metrics *metrics = cg_metrics_new(1);
  struct cg_log *log = cg_log_new(2, CG_INFO, &cg_clock_system);
  uint64_t n = 0;
  bool ok = false;
  while (!ok) {
    struct cg_err err;
    cg_mem_fail_after(++n);
    ok = cg_log_start(log, metrics, &err);
    cg_mem_fail_after(0);
  }
  assert_in_range(n, 3, 10);
  cg_log_free(log);
  cg_metrics_free(metrics);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(what_many_threads_repeat_is_counted),
      TEST(lines_of_a_thread_keep_their_order),
      TEST(a_pipe_that_is_not_read_holds_up_nobody),
      TEST(a_stop_has_bounded_patience),
      TEST(a_reader_that_left_is_no_end),
      TEST(who_is_at_fault_is_of_the_kind_and_numbers_are_not),
      TEST(controls_that_act_in_a_terminal_do_not),
      TEST(secrets_do_not_come_out_of_the_queue),
      TEST(without_a_thread_lines_are_whole_too),
      TEST(words_of_libevent_are_lines),
      TEST(a_cut_value_ends_with_a_whole_character),
      cmocka_unit_test(no_memory_is_no_start),
  };
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &ignore, NULL);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
