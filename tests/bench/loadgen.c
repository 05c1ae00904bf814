/* loadgen - HTTP load whose clock starts when a request was meant to be sent.
 *
 *   loadgen open PORT CONNECTIONS RATE SECONDS FILE   one request every 1/RATE s
 *   loadgen burst PORT CONNECTIONS FILE               all connections send at once
 *
 * FILE holds whole requests, each ended by a NUL; they are sent round and round.  A
 * request that finds no free connection waits, and its waiting counts (no coordinated
 * omission).  Prints one JSON object; latencies in microseconds.  127.0.0.1 only. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MAX 65536
#define DRAIN_US  10000000

struct conn {
  int fd;
  int64_t meant_us; /* of the request under way */
  size_t n;
  char reply[REPLY_MAX];
};

struct load {
  int epoll;
  struct conn *conns;
  size_t n_conns, n_free, first; /* the free ones, longest idle first */
  struct conn **idle;            /* ring */
  char **requests;
  size_t n_requests, next;
  int64_t *took;
  size_t n_took, room, failed;
};

static void die(const char *what) {
  fprintf(stderr, "loadgen: %s: %s\n", what, strerror(errno));
  exit(2);
}

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void *zeroed(size_t n, size_t size) {
  void *p = calloc(n, size);
  if (!p) die("memory");
  return p;
}

static void read_requests(struct load *l, const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0) die(path);
  size_t size = (size_t)ftell(f), at = 0;
  rewind(f);
  char *text = zeroed(size + 1, 1);
  if (fread(text, 1, size, f) != size) die(path);
  fclose(f);
  l->requests = zeroed(size / 16 + 1, sizeof *l->requests);
  for (; at < size && l->n_requests < size / 16 + 1; at += strlen(text + at) + 1)
    l->requests[l->n_requests++] = text + at;
}

static void set_free(struct load *l, struct conn *c) {
  l->idle[(l->first + l->n_free++) % l->n_conns] = c;
}

static void open_conn(struct load *l, struct conn *c, uint16_t port) {
  const int on = 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0) die("epoll_ctl");
  set_free(l, c);
}

static void send_one(struct load *l, int64_t meant_us) {
  struct conn *c = l->idle[l->first];
  l->first = (l->first + 1) % l->n_conns;
  l->n_free--;
  const char *text = l->requests[l->next++ % l->n_requests];
  size_t n = strlen(text);
  c->meant_us = meant_us;
  c->n = 0;
  if (send(c->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n) die("send");
}

/* The whole reply's length, or 0 when more is needed. */
static size_t whole(const struct conn *c) {
  const char *end = strstr(c->reply, "\r\n\r\n");
  if (!end) return 0;
  const char *length = strcasestr(c->reply, "\r\ncontent-length:");
  size_t head = (size_t)(end - c->reply) + 4;
  size_t all = head + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
  return c->n >= all ? all : 0;
}

static void receive(struct load *l, struct conn *c) {
  ssize_t n = recv(c->fd, c->reply + c->n, REPLY_MAX - 1 - c->n, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) die("the server closed");
  c->n += (size_t)n;
  c->reply[c->n] = '\0';
  if (!whole(c)) return;
  if (c->reply[9] != '2') l->failed++;
  if (l->n_took < l->room) l->took[l->n_took++] = now_us() - c->meant_us;
  set_free(l, c);
}

static void poll_replies(struct load *l, int64_t until_us) {
  struct epoll_event evs[64];
  int64_t wait = until_us - now_us();
  struct timespec t = {wait / 1000000, wait % 1000000 * 1000};
  if (wait < 0) t = (struct timespec){0};
  int n = epoll_pwait2(l->epoll, evs, 64, &t, NULL);
  for (int i = 0; i < n; i++) receive(l, evs[i].data.ptr);
}

static int by_time(const void *a, const void *b) {
  const int64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

static int tell(struct load *l, size_t wanted) {
  qsort(l->took, l->n_took, sizeof *l->took, by_time);
  size_t n = l->n_took;
  if (n == 0) die("no reply");
  printf("{\"wanted\": %zu, \"answered\": %zu, \"failed\": %zu, \"p50\": %lld, \"p99\": "
         "%lld, \"p999\": %lld, \"max\": %lld}\n",
         wanted, n, l->failed, (long long)l->took[n / 2],
         (long long)l->took[n * 99 / 100], (long long)l->took[n * 999 / 1000],
         (long long)l->took[n - 1]);
  return n == wanted ? 0 : 1;
}

static int run_open(struct load *l, double rate, double seconds) {
  size_t wanted = (size_t)(rate * seconds), sent = 0;
  l->room = wanted;
  l->took = zeroed(wanted + 1, sizeof *l->took);
  int64_t began = now_us() + 1000, last = began + (int64_t)(seconds * 1e6) + DRAIN_US;
  while (l->n_took < wanted && now_us() < last) {
    int64_t meant = began + (int64_t)((double)sent * 1e6 / rate);
    while (sent < wanted && meant <= now_us() && l->n_free > 0) {
      send_one(l, meant);
      meant = began + (int64_t)((double)++sent * 1e6 / rate);
    }
    poll_replies(l, sent < wanted && l->n_free > 0 ? meant : last);
  }
  return tell(l, wanted);
}

static int run_burst(struct load *l) {
  int64_t began = now_us();
  l->room = l->n_conns;
  l->took = zeroed(l->n_conns, sizeof *l->took);
  while (l->n_free > 0) send_one(l, began);
  while (l->n_took < l->n_conns && now_us() < began + DRAIN_US)
    poll_replies(l, began + DRAIN_US);
  return tell(l, l->n_conns);
}

int main(int argc, char **argv) {
  bool open = argc == 7 && strcmp(argv[1], "open") == 0;
  if (!open && (argc != 5 || strcmp(argv[1], "burst") != 0)) {
    fprintf(stderr, "usage: loadgen open PORT CONNECTIONS RATE SECONDS FILE\n"
                    "       loadgen burst PORT CONNECTIONS FILE\n");
    return 2;
  }
  struct load l = {.epoll = epoll_create1(0), .n_conns = strtoul(argv[3], NULL, 10)};
  l.conns = zeroed(l.n_conns, sizeof *l.conns);
  l.idle = zeroed(l.n_conns, sizeof(struct conn *));
  read_requests(&l, argv[argc - 1]);
  for (size_t i = 0; i < l.n_conns; i++)
    open_conn(&l, &l.conns[i], (uint16_t)strtoul(argv[2], NULL, 10));
  if (open) return run_open(&l, strtod(argv[4], NULL), strtod(argv[5], NULL));
  return run_burst(&l);
}
