/* room_livekit against a real livekit-server: CAMGATE_LIVEKIT_BIN, build/tools or
 * /usr/local/bin.  Without one the tests say that they were skipped. */
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ports.h"
#include "sfu.h"

struct bench {
  struct sfu hooks; /* receives the server's webhooks */
  uint16_t port;
  pid_t server;
  char dir[64];
  struct harness *h;
};

static const char *binary(void) {
  const char *const places[] = {getenv("CAMGATE_LIVEKIT_BIN"),
                                SOURCE_DIR "/build/tools/livekit-server",
                                "/usr/local/bin/livekit-server"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (places[i] && access(places[i], X_OK) == 0) return places[i];
  }
  return NULL;
}

static void write_config(const struct bench *b, uint16_t tcp, uint16_t udp) {
  char path[96];
  snprintf(path, sizeof path, "%s/livekit.yaml", b->dir);
  FILE *out = fopen(path, "w");
  assert_non_null(out);
  fprintf(
      out,
      "port: %u\nbind_addresses: [127.0.0.1]\n"
      "rtc: {node_ip: 127.0.0.1, use_external_ip: false, tcp_port: %u, udp_port: %u}\n"
      "room: {auto_create: false}\nkeys: {" SFU_KEY ": " SFU_SECRET "}\n"
      "webhook: {api_key: " SFU_KEY ", urls: ['http://127.0.0.1:%u/hook']}\n",
      b->port, tcp, udp, b->hooks.port);
  assert_int_equal(fclose(out), 0);
}

static pid_t spawn(const char *dir) {
  pid_t parent = getpid(), pid = fork();
  assert_true(pid >= 0);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int quiet = open("/dev/null", O_RDWR);
  if (getppid() != parent || chdir(dir) < 0 || quiet < 0) _exit(126);
  dup2(quiet, 1);
  dup2(quiet, 2);
  execl(binary(), "livekit-server", "--config", "livekit.yaml", (char *)NULL);
  _exit(127);
}

static bool healthy(struct bench *b) {
  char words[256];
  return harness_health(b->h, 0, words, sizeof words);
}

/* A plugin opened anew has no kept verdict: what it says of health is of now. */
static void open_when_the_server_answers(struct bench *b, const char *options) {
  while (waitpid(b->server, NULL, WNOHANG) == 0) {
    b->h = harness_open("room_livekit", options);
    if (healthy(b)) return;
    harness_run_ms(b->h, 50);
    harness_close(b->h);
    b->h = NULL;
  }
  b->server = 0;
  fail_msg("livekit-server has ended");
}

static void end_server(struct bench *b) {
  if (b->server <= 0) return;
  kill(b->server, SIGKILL);
  waitpid(b->server, NULL, 0);
  b->server = 0;
}

static int setup(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  struct sfu server;
  char options[512], unused[512];
  if (!b || !binary()) {
    *state = b;
    return b ? 0 : -1;
  }
  snprintf(b->dir, sizeof b->dir, "/tmp/camgate_livekit_XXXXXX");
  if (!mkdtemp(b->dir)) return -1;
  sfu_listen(&b->hooks, unused, sizeof unused, "");
  sfu_listen(&server, options, sizeof options, "");
  b->port = server.port;
  b->hooks.text = "";
  write_config(b, ports_take(), ports_take());
  b->server = spawn(b->dir);
  *state = b;
  open_when_the_server_answers(b, options);
  sfu_serve(&b->hooks, b->h);
  return 0;
}

static int teardown(void **state) {
  struct bench *b = *state;
  char path[96];
  end_server(b);
  sfu_close(&b->hooks);
  harness_close(b->h);
  snprintf(path, sizeof path, "%s/livekit.yaml", b->dir);
  if (*b->dir) unlink(path);
  if (*b->dir) rmdir(b->dir);
  free(b);
  return 0;
}

static struct bench *bench_or_skip(void **state) {
  struct bench *b = *state;
  if (b->h) return b;
  print_message("no livekit-server here: skipped\n");
  skip();
  return NULL;
}

static enum cgp_code ensure(struct bench *b, const char *room, struct harness_call *c) {
  *c = (struct harness_call){0};
  cg_room_ensure(harness_drivers(b->h, 0), room, NULL, harness_answered, c);
  return harness_wait(b->h, c);
}

static void a_room_opens_and_its_webhook_is_believed(void **state) {
  struct bench *b = bench_or_skip(state);
  struct harness_call c;
  const struct harness_event *all;
  char line[2200];
  if (ensure(b, "camera_lobby-1", &c) != CGP_OK) fail_msg("%s", c.text);
  for (int i = 0; i < 200 && b->hooks.hits == 0; i++) harness_run_ms(b->h, 10);
  assert_string_equal(b->hooks.path, "/hook");
  snprintf(line, sizeof line, "Authorization: %s", b->hooks.authorization);
  const char *const headers[] = {line, NULL};
  struct harness_reply r =
      harness_http(b->h, 0, "POST", "/webhook/livekit", headers, b->hooks.body);
  if (r.status != 200) fail_msg("%u: %s", r.status, r.body);
  assert_int_equal(harness_events(b->h, &all), 1);
  assert_int_equal(all[0].type, CGP_ROOM_OPENED);
  assert_string_equal(all[0].room, "camera_lobby-1");
  r = harness_http(b->h, 0, "POST", "/webhook/livekit", headers, b->hooks.body);
  assert_int_equal(r.status, 200);
  assert_int_equal(harness_events(b->h, &all), 1);
}

static void who_is_not_there_is_out(void **state) {
  struct bench *b = bench_or_skip(state);
  struct harness_call c;
  const char *const rooms[] = {"camera_lobby-1", "camera_never_opened"};
  assert_int_equal(ensure(b, rooms[0], &c), CGP_OK);
  for (size_t i = 0; i < 2; i++) {
    c = (struct harness_call){0};
    cg_room_remove(harness_drivers(b->h, 0), rooms[i], "lease-1", harness_answered, &c);
    if (harness_wait(b->h, &c) != CGP_OK) fail_msg("%s", c.text);
  }
}

static void a_server_that_died_is_unavailable(void **state) {
  struct bench *b = bench_or_skip(state);
  struct harness_call c;
  end_server(b);
  assert_int_equal(ensure(b, "camera_b", &c), CGP_E_UNAVAILABLE);
}

static void another_secret_is_refused_in_words(void **state) {
  struct bench *b = bench_or_skip(state);
  char options[512];
  struct harness_call c;
  sfu_close(&b->hooks);
  harness_close(b->h);
  snprintf(options, sizeof options,
           "{\"url\": \"http://127.0.0.1:%u\", \"api_key\": \"" SFU_KEY
           "\", \"api_secret\": \"another secret of 32 characters.\"}",
           b->port);
  b->h = harness_open("room_livekit", options);
  assert_int_equal(ensure(b, "camera_b", &c), CGP_E_UNAVAILABLE);
  assert_non_null(strstr(c.text, "status 401: api_key or api_secret is not"));
}

#define WITH_SERVER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_SERVER(a_room_opens_and_its_webhook_is_believed),
      WITH_SERVER(who_is_not_there_is_out),
      WITH_SERVER(a_server_that_died_is_unavailable),
      WITH_SERVER(another_secret_is_refused_in_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
