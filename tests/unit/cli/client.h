/* client.h - one blocking request to an address of this machine, and its answer. */
#ifndef TEST_CLI_CLIENT_H
#define TEST_CLI_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* head and body; status 0: the connection was closed without an answer. */
struct whole_answer {
  int status;
  size_t n;
  char text[262144];
};

static int whole_connect(const char *address, uint16_t port) {
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(port),
                           .sin_addr.s_addr = inet_addr(address)};
  struct timeval most = {10, 0};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  return fd;
}

/* One connection, one request, everything that comes until the gate closes. */
static int whole_exchange(const char *address, uint16_t port, const char *request,
                          struct whole_answer *a) {
  int fd = whole_connect(address, port);
  size_t n = strlen(request);
  assert_int_equal(send(fd, request, n, MSG_NOSIGNAL), n);
  *a = (struct whole_answer){.status = 0};
  for (;;) {
    ssize_t got = recv(fd, a->text + a->n, sizeof a->text - 1 - a->n, 0);
    if (got < 0 && errno == ECONNRESET) break;
    if (got < 0) fail_msg("no answer to \"%.60s\": %s", request, strerror(errno));
    if (got == 0) break;
    a->n += (size_t)got;
  }
  close(fd);
  if (a->n > 12) a->status = (int)strtol(a->text + 9, NULL, 10);
  return a->status;
}

#endif
