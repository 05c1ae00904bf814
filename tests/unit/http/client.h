/* client.h - blocking clients of a gate; every wait is bounded by 10 s. */
#ifndef TEST_HTTP_CLIENT_H
#define TEST_HTTP_CLIENT_H

#include "http/gate.h"

static int client_socket(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval most = {10, 0};
  assert_true(fd >= 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  return fd;
}

static void client_connect(int fd, const struct gate *g) {
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(g->port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
}

static int client_open(const struct gate *g) {
  int fd = client_socket();
  client_connect(fd, g);
  return fd;
}

static void client_send(int fd, const char *text, size_t n) {
  while (n) {
    ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
    if (sent <= 0) fail_msg("send: %s", strerror(errno));
    text += sent;
    n -= (size_t)sent;
  }
}

static inline void client_puts(int fd, const char *text) {
  client_send(fd, text, strlen(text));
}

struct answer {
  int status;
  size_t head_len, body_len;
  char text[65536]; /* head and body, NUL-terminated */
};

static inline const char *answer_body(const struct answer *a) {
  return a->text + a->head_len;
}

static size_t answer_length(const char *head) {
  const char *field = strstr(head, "\r\nContent-Length: ");
  return field ? strtoul(field + 18, NULL, 10) : 0;
}

/* Reads exactly one answer.  False: EOF before its first byte. */
static bool client_answer(int fd, struct answer *a, bool head_only) {
  size_t at = 0;
  memset(a, 0, sizeof *a);
  while (at < 4 || memcmp(a->text + at - 4, "\r\n\r\n", 4) != 0) {
    ssize_t got = recv(fd, a->text + at, 1, 0);
    if (got == 0 && at == 0) return false;
    if (got != 1) fail_msg("recv after \"%s\": %s", a->text, strerror(errno));
    at++;
  }
  a->head_len = at;
  a->status = (int)strtol(a->text + 9, NULL, 10);
  a->body_len = head_only || a->status == 100 ? 0 : answer_length(a->text);
  assert_true(at + a->body_len < sizeof a->text);
  for (size_t end = at + a->body_len; at < end;) {
    ssize_t got = recv(fd, a->text + at, end - at, 0);
    if (got <= 0) fail_msg("recv in the body: %s", strerror(errno));
    at += (size_t)got;
  }
  return true;
}

static bool client_eof(int fd) {
  char c;
  return recv(fd, &c, 1, 0) == 0;
}

/* One connection, one request, one status; then EOF must come when it says close. */
static inline int client_ask(const struct gate *g, const char *request,
                             struct answer *a) {
  int fd = client_open(g);
  client_puts(fd, request);
  assert_true(client_answer(fd, a, strncmp(request, "HEAD", 4) == 0));
  if (strstr(a->text, "Connection: close")) assert_true(client_eof(fd));
  close(fd);
  return a->status;
}

#endif
