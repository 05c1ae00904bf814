/* The zoo: every bad plugin is refused in words or contained, and the gate lives on. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define ZOO BINARY_DIR "/tests/bad"

static struct harness *keep_bad(const char *name, uint32_t deadline_ms) {
  struct cg_err err = {0};
  struct harness *h = harness_try(
      &(struct harness_config){.plugin = name, .dir = ZOO, .deadline_ms = deadline_ms},
      &err);
  if (!h) fail_msg("%s", err.text);
  return h;
}

static void expect_refusal(const char *dir, const char *name, const char *options,
                           const char *words) {
  struct cg_err err = {0};
  struct harness *h = harness_try(
      &(struct harness_config){.plugin = name, .dir = dir, .options = options}, &err);
  assert_null(h);
  if (!strstr(err.text, words))
    fail_msg("%s: \"%s\" lacks \"%s\"", name, err.text, words);
}

static enum cgp_code ask(struct harness *h, struct harness_call *c) {
  struct cgp_ice_request req = {.lease_id = "l", .ttl_s = 60};
  cg_ice_issue(harness_drivers(h, 0), &req, harness_answered, c);
  return harness_wait(h, c);
}

/* ---- refused at load ---- */

static void refuses_in_words(void **state) {
  (void)state;
  static const struct {
    const char *name, *words;
  } cases[] = {
      {"no_symbol", "does not export camgate_plugin"},
      {"wrong_major", "made for plugin ABI 1.x, this gate has 2.1"},
      {"newer_minor", "needs plugin ABI 2.2, this gate has 2.1"},
      {"short_struct", "the ABI's is"},
      {"missing_op", "kind quota lacks reserve, usage"},
      {"other_name", "calls itself \"somebody\""},
      {"absent", "No such file"},
      {"../twice", "a plugin's name is"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    expect_refusal(ZOO, cases[i].name, "{}", cases[i].words);
}

static void failing_init_is_told_without_its_secret(void **state) {
  (void)state;
  expect_refusal(ZOO, "failing_init", "{}", "wrong phase for anyone");
  expect_refusal(ZOO, "failing_init", "{\"secret\": \"open sesame\"}",
                 "wrong phase for ***");
  expect_refusal(ZOO, "failing_init", "{\"secrte\": \"x\"}", "did you mean \"secret\"?");
}

/* ---- refused as files ---- */

struct folder {
  char path[64];
};

static int make_folder(void **state) {
  struct folder *f = calloc(1, sizeof *f);
  snprintf(f->path, sizeof f->path, "/tmp/camgate-zoo-XXXXXX");
  *state = f;
  return mkdtemp(f->path) ? 0 : -1;
}

static int drop_folder(void **state) {
  struct folder *f = *state;
  char path[128];
  snprintf(path, sizeof path, "%s/x.so", f->path);
  if (remove(path)) return -1;
  int failed = rmdir(f->path);
  free(f);
  return failed;
}

/* Copies a sound plugin's first n bytes to x.so, with another machine if asked. */
static void put(const struct folder *f, size_t n, int machine, mode_t mode) {
  static unsigned char bytes[4 << 20];
  char path[128];
  int from = open(ZOO "/twice.so", O_RDONLY);
  ssize_t got = read(from, bytes, sizeof bytes);
  assert_true(got > (ssize_t)sizeof(Elf64_Ehdr));
  close(from);
  if (machine) bytes[offsetof(Elf64_Ehdr, e_machine)] = (unsigned char)machine;
  if (n > (size_t)got) n = (size_t)got;
  snprintf(path, sizeof path, "%s/x.so", f->path);
  int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_int_equal(write(to, bytes, n), n);
  assert_int_equal(fchmod(to, mode), 0);
  close(to);
}

static void refuses_a_world_writable_file(void **state) {
  put(*state, SIZE_MAX, 0, 0666);
  expect_refusal(((struct folder *)*state)->path, "x", "{}",
                 "may be written to by others");
}

static void refuses_a_world_writable_folder(void **state) {
  struct folder *f = *state;
  put(f, SIZE_MAX, 0, 0644);
  assert_int_equal(chmod(f->path, 0777), 0);
  expect_refusal(f->path, "x", "{}", "may be written to by others");
}

static void refuses_another_architecture(void **state) {
  put(*state, SIZE_MAX, EM_AARCH64, 0644);
  expect_refusal(((struct folder *)*state)->path, "x", "{}", "x.so is refused");
}

static void refuses_a_truncated_file(void **state) {
  put(*state, 40, 0, 0644);
  expect_refusal(((struct folder *)*state)->path, "x", "{}", "file too short");
}

static void refuses_a_directory(void **state) {
  struct folder *f = *state;
  char path[128];
  snprintf(path, sizeof path, "%s/x.so", f->path);
  assert_int_equal(mkdir(path, 0755), 0);
  expect_refusal(f->path, "x", "{}", "is not a regular file");
}

static void refuses_a_symlink_out_of_the_folder(void **state) {
  struct folder *f = *state;
  char path[128];
  snprintf(path, sizeof path, "%s/x.so", f->path);
  assert_int_equal(symlink(ZOO "/twice.so", path), 0);
  expect_refusal(f->path, "x", "{}", "leads out of its folder");
}

/* ---- contained at run time ---- */

static int64_t misuse(struct harness *h, const char *labels) {
  return harness_metric(h, "plugin_misuse_total", labels);
}

static void a_second_completion_is_dropped(void **state) {
  (void)state;
  struct harness *h = keep_bad("twice", 0);
  struct harness_call c = {0};
  assert_int_equal(ask(h, &c), CGP_OK);
  assert_int_equal(c.times, 1);
  assert_int_equal(misuse(h, "kind=\"twice\""), 1);
  assert_non_null(strstr(harness_logged(h), "\"plugin\":\"twice\""));
  harness_close(h);
}

static void a_completion_on_another_thread_is_dropped(void **state) {
  (void)state;
  struct harness *h = keep_bad("other_thread", 30);
  struct harness_call c = {0};
  assert_int_equal(ask(h, &c), CGP_E_TIMEOUT);
  assert_int_equal(misuse(h, "kind=\"thread\""), 1);
  assert_non_null(strstr(harness_logged(h), "\"plugin\":\"other_thread\""));
  harness_close(h);
}

static void silence_ends_at_the_deadline(void **state) {
  (void)state;
  struct harness *h = keep_bad("never", 20);
  struct harness_call c = {0};
  assert_int_equal(ask(h, &c), CGP_E_TIMEOUT);
  assert_string_equal(c.text, "never did not answer within 20 ms");
  harness_close(h);
}

static void silence_uses_up_its_own_share_only(void **state) {
  (void)state;
  struct harness *h = keep_bad("never", 60000);
  struct cgp_ice_request req = {.lease_id = "l", .ttl_s = 60};
  struct harness_call open = {0}, more = {0};
  for (int i = 0; i < CG_CALLS_PER_PLUGIN; i++)
    cg_ice_issue(harness_drivers(h, 0), &req, harness_answered, &open);
  assert_int_equal(open.times, 0);
  assert_int_equal(ask(h, &more), CGP_E_BUSY);
  harness_close(h);
  assert_int_equal(open.times, CG_CALLS_PER_PLUGIN);
  assert_int_equal(open.code, CGP_E_UNAVAILABLE);
}

static void a_late_completion_is_dropped(void **state) {
  (void)state;
  struct harness *h = keep_bad("late", 30);
  struct harness_call c = {0};
  assert_int_equal(ask(h, &c), CGP_E_TIMEOUT);
  for (int i = 0; i < 1000 && !misuse(h, "kind=\"late\""); i++) harness_run_ms(h, 10);
  assert_int_equal(misuse(h, "kind=\"late\""), 1);
  assert_int_equal(c.times, 1);
  harness_close(h);
}

static void blocking_is_counted_and_told_once(void **state) {
  (void)state;
  struct harness *h = keep_bad("blocks", 0);
  for (int i = 0; i < 2; i++) {
    struct harness_call c = {0};
    assert_int_equal(ask(h, &c), CGP_OK);
  }
  assert_int_equal(harness_metric(h, "plugin_blocked_total", ""), 2);
  const char *told = strstr(harness_logged(h), "blocked its worker");
  assert_non_null(told);
  assert_null(strstr(told + 1, "blocked its worker"));
  harness_close(h);
}

/* ---- routes ---- */

static const char *route_of(struct harness *h, const char *method, const char *path,
                            struct harness_reply *r) {
  *r = harness_http(h, 0, method, path, NULL, "");
  return r->body;
}

static void the_exact_route_wins_then_the_longest(void **state) {
  (void)state;
  struct harness *h = keep_bad("routes", 0);
  struct harness_reply r;
  assert_string_equal(route_of(h, "GET", "/zoo/", &r), "all");
  assert_string_equal(route_of(h, "GET", "/zoo/deep", &r), "all");
  assert_string_equal(route_of(h, "GET", "/zoo/deep/", &r), "deep");
  assert_string_equal(route_of(h, "GET", "/zoo/deep/exact/not", &r), "deep");
  assert_string_equal(route_of(h, "GET", "/zoo/deep/exact", &r), "exact");
  assert_string_equal(route_of(h, "HEAD", "/zoo/deep/exact", &r), "exact");
  assert_string_equal(route_of(h, "POST", "/zoo/deep/exact", &r), "posted");
  static const char *const none[][2] = {{"GET", "/zoo"}, {"GET", "/"}, {"PUT", "/zoo/"}};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    (void)route_of(h, none[i][0], none[i][1], &r);
    assert_int_equal(r.status, 0);
  }
  harness_close(h);
}

static void odd_routes_are_refused(void **state) {
  (void)state;
  struct cg_err err;
  char buf[256];
  const struct cgp_plugin *good = cg_plugin_open(ZOO "/routes.so", &err);
  assert_non_null(good);
  static const char *const paths[] = {"zoo", "/zoo*", "/*/zoo", "/zoo/**", "*"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    struct cgp_route route = *good->routes;
    struct cgp_plugin odd = *good;
    route.path = paths[i];
    odd.routes = &route;
    odd.n_routes = 1;
    const char *why = cg_plugin_refusal(&odd, buf, sizeof buf);
    if (!why) fail_msg("%s is taken", paths[i]);
    assert_non_null(strstr(why, "a route"));
  }
}

/* ---- a sound one, for comparison ---- */

static void the_skeleton_builds_alone_and_answers(void **state) {
  struct folder *f = *state;
  char command[512], so[128];
  snprintf(so, sizeof so, "%s/x.so", f->path);
  snprintf(command, sizeof command,
           "exec cc -shared -fPIC -fvisibility=hidden -I%s/plugins "
           "%s/plugins/skeleton/skeleton.c -o %s",
           SOURCE_DIR, SOURCE_DIR, so);
  pid_t pid = fork();
  if (!pid) {
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  int status = -1;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  struct cg_err err = {0};
  assert_null(cg_plugin_open(so, &err)); /* sound but for its file's name */
  assert_non_null(strstr(err.text, "calls itself \"skeleton\""));
  struct harness *h = harness_open("skeleton", "{\"url\": \"stun:stun.example:3478\"}");
  struct harness_call c = {0};
  assert_int_equal(ask(h, &c), CGP_OK);
  assert_true(harness_health(h, 0, NULL, 0));
  harness_close(h);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_in_words),
      cmocka_unit_test(failing_init_is_told_without_its_secret),
      IN_FOLDER(refuses_a_world_writable_file),
      IN_FOLDER(refuses_a_world_writable_folder),
      IN_FOLDER(refuses_another_architecture),
      IN_FOLDER(refuses_a_truncated_file),
      IN_FOLDER(refuses_a_directory),
      IN_FOLDER(refuses_a_symlink_out_of_the_folder),
      cmocka_unit_test(a_second_completion_is_dropped),
      cmocka_unit_test(a_completion_on_another_thread_is_dropped),
      cmocka_unit_test(silence_ends_at_the_deadline),
      cmocka_unit_test(silence_uses_up_its_own_share_only),
      cmocka_unit_test(a_late_completion_is_dropped),
      cmocka_unit_test(blocking_is_counted_and_told_once),
      cmocka_unit_test(the_exact_route_wins_then_the_longest),
      cmocka_unit_test(odd_routes_are_refused),
      IN_FOLDER(the_skeleton_builds_alone_and_answers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
