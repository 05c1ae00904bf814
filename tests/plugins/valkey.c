#include "valkey.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the ones above */
#include <cmocka.h>

#include "ports.h"

struct valkey {
  pid_t pid;
  uint16_t port;
  int output; /* of the process; kept open so that it never writes into nothing */
  const char *const *more;
  char clock[80], dir[64], socket[80], said[512];
};

static void become_server(const struct valkey *v, int output) {
  char port[8];
  const char *argv[32] = {"valkey-server",
                          "--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--unixsocket",
                          v->socket,
                          "--dir",
                          v->dir,
                          "--save",
                          "",
                          "--appendonly",
                          "no",
                          "--daemonize",
                          "no",
                          "--enable-debug-command",
                          "yes"};
  size_t n = 0;
  while (argv[n]) n++;
  for (const char *const *more = v->more; more && *more; more++) argv[n++] = *more;
  snprintf(port, sizeof port, "%u", v->port);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  setenv("LD_PRELOAD", BINARY_DIR "/tests/clock_shim.so", 1);
  setenv("CAMGATE_TEST_CLOCK", v->clock, 1);
  char *args[32]; /* execvp changes none */
  memcpy(args, argv, sizeof args);
  execvp(args[0], args);
  _exit(127);
}

/* Its last words at a start are that it accepts on the socket. */
static void await_ready(const struct valkey *v) {
  char text[8192];
  size_t n = 0;
  do {
    ssize_t got = read(v->output, text + n, sizeof text - 1 - n);
    if (got <= 0) fail_msg("valkey-server ended, or is not installed");
    n += (size_t)got;
    text[n] = '\0';
  } while (!strstr(text, "Ready to accept connections unix"));
}

void valkey_again(struct valkey *v) {
  int ends[2];
  unlink(v->socket);
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  v->pid = fork();
  assert_true(v->pid >= 0);
  if (v->pid == 0) become_server(v, ends[1]);
  close(ends[1]);
  v->output = ends[0];
  await_ready(v);
}

struct valkey *valkey_start(void) {
  return valkey_start_with(NULL);
}

struct valkey *valkey_start_with(const char *const *more) {
  struct valkey *v = calloc(1, sizeof *v);
  assert_non_null(v);
  v->more = more;
  snprintf(v->dir, sizeof v->dir, "/tmp/camgate-valkey-XXXXXX");
  assert_non_null(mkdtemp(v->dir));
  snprintf(v->socket, sizeof v->socket, "%s/socket", v->dir);
  v->port = ports_take();
  snprintf(v->clock, sizeof v->clock, "%s/clock", v->dir);
  valkey_clock(v, 0);
  valkey_again(v);
  return v;
}

void valkey_kill(struct valkey *v) {
  if (v->pid <= 0) return;
  kill(v->pid, SIGKILL);
  waitpid(v->pid, NULL, 0);
  close(v->output);
  v->pid = 0;
}

void valkey_end(struct valkey *v) {
  if (!v) return;
  valkey_kill(v);
  char file[96];
  snprintf(file, sizeof file, "%s/dump.rdb", v->dir); /* of DEBUG RELOAD */
  unlink(file);
  snprintf(file, sizeof file, "%s/nodes.conf", v->dir); /* of a cluster */
  unlink(file);
  unlink(v->clock);
  unlink(v->socket);
  rmdir(v->dir);
  free(v);
}

void valkey_freeze(struct valkey *v) {
  assert_int_equal(kill(v->pid, SIGSTOP), 0);
  assert_int_equal(waitpid(v->pid, NULL, WUNTRACED), v->pid);
}

void valkey_thaw(struct valkey *v) {
  assert_int_equal(kill(v->pid, SIGCONT), 0);
}

void valkey_clock(struct valkey *v, int64_t off_us) {
  int fd = open(v->clock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(pwrite(fd, &off_us, sizeof off_us, 0), sizeof off_us);
  close(fd);
}

const char *valkey_socket(const struct valkey *v) {
  return v->socket;
}

const char *valkey_dir(const struct valkey *v) {
  return v->dir;
}

uint16_t valkey_port(const struct valkey *v) {
  return v->port;
}

static int dial(const struct valkey *v) {
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memcpy(un.sun_path, v->socket, strlen(v->socket) + 1);
  assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
  return fd;
}

const char *valkey_say(struct valkey *v, const char *const *argv) {
  int fd = dial(v);
  size_t n = 0;
  while (argv[n]) n++;
  dprintf(fd, "*%zu\r\n", n);
  for (size_t i = 0; i < n; i++) dprintf(fd, "$%zu\r\n%s\r\n", strlen(argv[i]), argv[i]);
  ssize_t got = read(fd, v->said, sizeof v->said - 1);
  assert_true(got > 0);
  v->said[got] = '\0';
  v->said[strcspn(v->said, "\r")] = '\0';
  close(fd);
  return v->said;
}
