/* whole.h - the whole gate in this process: the command `run` on a thread of its own,
 * with the shipped drivers, and blocking clients of its two listeners.
 *
 * In one process with the test, because the hook that fails the nth allocation (mem.h)
 * has to be in reach.  Every wait is bounded: what takes longer than 10 s fails the test.
 */
#ifndef TEST_CLI_WHOLE_H
#define TEST_CLI_WHOLE_H

#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/jwt.h"
#include "cli/client.h"
#include "cli/cmd.h"

#define WHOLE_SECRET   "0123456789abcdef0123456789abcdef"
#define WHOLE_TRIES    2000 /* of 5 ms: 10 s */
#define WHOLE_FILES    1024 /* descriptors looked through */
#define WHOLE_PUBLIC   "127.0.0.1"
#define WHOLE_OPERATOR "127.0.0.2" /* its own address, so that its port is told apart */

struct whole {
  char dir[64], conf[128];
  pthread_t thread;
  uint16_t port, admin_port;
  int exit_code;
  char *token;
};

static void whole_pause(void) {
  nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* What the configuration file and its two neighbours say. */
static void whole_write(const struct whole *w, const char *name, const char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", w->dir, name);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_true(fputs(text, f) >= 0);
  assert_int_equal(fclose(f), 0);
}

/* The port on which this process listens at that address; 0: none yet. */
static uint16_t whole_listening(const char *address) {
  for (int fd = 3; fd < WHOLE_FILES; fd++) {
    struct sockaddr_in at;
    socklen_t n = sizeof at, one = sizeof(int);
    int listens = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &one) < 0 || !listens)
      continue;
    if (getsockname(fd, (struct sockaddr *)&at, &n) == 0 && at.sin_family == AF_INET &&
        at.sin_addr.s_addr == inet_addr(address))
      return ntohs(at.sin_port);
  }
  return 0;
}

/* body NULL: none. */
static int whole_ask(const struct whole *w, const char *method, const char *path,
                     const char *headers, const char *body, struct whole_answer *a) {
  char request[8192], length[64] = "";
  bool admin = path[0] == '!';
  if (body) snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
  int n = snprintf(request, sizeof request,
                   "%s %s HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n"
                   "Authorization: Bearer %s\r\n%s%s\r\n%s",
                   method, path + admin, w->token, headers, length, body ? body : "");
  assert_in_range(n, 1, sizeof request - 1);
  return whole_exchange(admin ? WHOLE_OPERATOR : WHOLE_PUBLIC,
                        admin ? w->admin_port : w->port, request, a);
}

static void *whole_run(void *arg) {
  struct whole *w = arg;
  char name[] = "run", *argv[] = {name, NULL};
  w->exit_code = cg_cmd_run(&(struct cg_cmd_env){.conf_path = w->conf}, 1, argv);
  return NULL;
}

/* Every worker listens. */
static bool whole_serves(struct whole *w) {
  w->admin_port = whole_listening(WHOLE_OPERATOR);
  if (!w->admin_port) return false;
  struct whole_answer *a = malloc(sizeof *a);
  assert_non_null(a);
  bool ready = whole_exchange(WHOLE_OPERATOR, w->admin_port,
                              "GET /readyz HTTP/1.1\r\nHost: gate\r\n"
                              "Connection: close\r\n\r\n",
                              a) == 200;
  free(a);
  return ready;
}

/* conf, cameras, policy: what the three files say. */
static struct whole *whole_open(const char *conf, const char *cameras,
                                const char *policy) {
  struct whole *w = calloc(1, sizeof *w);
  assert_non_null(w);
  snprintf(w->dir, sizeof w->dir, "/tmp/camgate-whole-XXXXXX");
  assert_non_null(mkdtemp(w->dir));
  snprintf(w->conf, sizeof w->conf, "%s/camgate.lua", w->dir);
  whole_write(w, "camgate.lua", conf);
  whole_write(w, "cameras.json", cameras);
  char policies[128];
  snprintf(policies, sizeof policies, "%s/policies", w->dir);
  assert_int_equal(mkdir(policies, 0700), 0);
  whole_write(w, "policies/policy.lua", policy);
  assert_int_equal(pthread_create(&w->thread, NULL, whole_run, w), 0);
  for (int i = 0; !whole_serves(w); i++) {
    assert_in_range(i, 0, WHOLE_TRIES);
    whole_pause();
  }
  w->port = whole_listening(WHOLE_PUBLIC);
  return w;
}

static void whole_token(struct whole *w, const char *claims) {
  struct cg_err err;
  json_t *json = json_loads(claims, 0, NULL);
  assert_non_null(json);
  free(w->token);
  w->token = cg_jwt_mint(WHOLE_SECRET, json, &err);
  json_decref(json);
  assert_non_null(w->token);
}

static int whole_remove(const char *path, const struct stat *st, int type,
                        struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

/* SIGTERM, as an operator does; returns the exit code. */
static int whole_close(struct whole *w) {
  assert_int_equal(kill(getpid(), SIGTERM), 0);
  assert_int_equal(pthread_join(w->thread, NULL), 0);
  assert_int_equal(nftw(w->dir, whole_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
  int code = w->exit_code;
  free(w->token);
  free(w);
  return code;
}

#endif
