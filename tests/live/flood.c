/* flood - an open loop: POSTs at a rate that does not care how the gate does.
 *
 *   flood PORT PATH REQUESTS CONNECTIONS RATE SECONDS PATIENT
 *
 * REQUESTS: one "token<TAB>body" a line, used round and round.  A request belongs to its
 * intended moment: latency counts from there, also when no connection was free then.
 * With PATIENT 1 a connection that was refused rests as long as its Retry-After says;
 * with 0 it is used again at once.  Requests that are a second late are dropped and
 * counted.  What is out at the end is waited for, and counted apart, as is what was due
 * then and had no connection.  Connects come from
 * 127.0.0.1 to 127.0.0.250.  Prints one JSON object. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MAX 16384
#define LATE_NS   INT64_C(1000000000)
#define LAST_NS   INT64_C(20000000000) /* for what is out at the end */

struct conn {
  int fd;
  bool busy;
  int64_t since, until; /* intended moment of what is out; rests until */
  struct conn *next;    /* of the free, or of the resting */
  size_t got;
  char reply[REPLY_MAX];
};

struct line {
  struct conn *first, *last;
};

enum { GOOD, REFUSED, OTHER, KINDS };
static const char *const kind_names[KINDS] = {"good", "refused", "other"};

struct times {
  uint32_t *us;
  size_t n, cap, late; /* late: after the end, of which no time is noted */
};

struct flood {
  struct sockaddr_in to;
  bool patient;
  char **requests;
  size_t n_requests, at, dropped, unsent, reconnects, n_conns, out;
  bool over; /* nothing more is sent */
  struct line ready, resting;
  struct times times[KINDS];
  int epoll;
};

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void push(struct line *l, struct conn *c) {
  c->next = NULL;
  if (l->first)
    l->last->next = c;
  else
    l->first = c;
  l->last = c;
}

static struct conn *pop(struct line *l) {
  struct conn *c = l->first;
  if (c) l->first = c->next;
  return c;
}

static void note(struct times *t, int64_t us) {
  if (t->n == t->cap) {
    t->cap = t->cap ? t->cap * 2 : 65536;
    t->us = realloc(t->us, t->cap * sizeof *t->us);
    if (!t->us) die("realloc");
  }
  t->us[t->n++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static void dial(struct flood *f, struct conn *c) {
  const int on = 1;
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(f->n_conns++ % 250));
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0) die("socket");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind");
  if (connect(c->fd, (struct sockaddr *)&f->to, sizeof f->to) < 0) die("connect");
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->fd, &e) < 0) die("epoll_ctl");
  c->got = 0;
  c->busy = false;
}

/* The gate's end of it: a request that was out is neither good nor a refusal. */
static void lost(struct flood *f, struct conn *c) {
  if (c->busy) note(&f->times[OTHER], (now_ns() - c->since) / 1000);
  bool free_now = c->busy;
  f->out -= c->busy;
  close(c->fd);
  f->reconnects++;
  dial(f, c);
  if (free_now) push(&f->ready, c);
}

static void send_one(struct flood *f, struct conn *c, int64_t since) {
  const char *text = f->requests[f->at++ % f->n_requests];
  c->busy = true;
  f->out++;
  c->since = since;
  if (send(c->fd, text, strlen(text), MSG_NOSIGNAL) < 0) lost(f, c);
}

static int kind_of(const char *reply, int64_t *ret_rest_ns) {
  const char *retry = strstr(reply, "\r\nRetry-After: ");
  int status = (int)strtol(reply + 9, NULL, 10);
  *ret_rest_ns = retry ? strtol(retry + 15, NULL, 10) * INT64_C(1000000000) : 0;
  if (status / 100 == 2) return GOOD;
  return (status == 503 || status == 429) && retry ? REFUSED : OTHER;
}

static void answered(struct flood *f, struct conn *c, int64_t now) {
  int64_t rest;
  int kind = kind_of(c->reply, &rest);
  if (f->over && kind != OTHER)
    f->times[kind].late++;
  else
    note(&f->times[kind], (now - c->since) / 1000);
  f->out--;
  c->busy = false;
  c->got = 0;
  c->until = now + rest;
  push(kind == REFUSED && f->patient ? &f->resting : &f->ready, c);
}

static void hear(struct flood *f, struct conn *c) {
  ssize_t n = recv(c->fd, c->reply + c->got, REPLY_MAX - 1 - c->got, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    lost(f, c);
    return;
  }
  c->got += (size_t)n;
  c->reply[c->got] = '\0';
  const char *end = strstr(c->reply, "\r\n\r\n");
  const char *length = end ? strstr(c->reply, "\r\nContent-Length: ") : NULL;
  if (!end) return;
  size_t whole =
      (size_t)(end + 4 - c->reply) + (length ? strtoul(length + 18, NULL, 10) : 0);
  if (c->got >= whole) answered(f, c, now_ns());
}

static void wake_rested(struct flood *f, int64_t now) {
  while (f->resting.first && f->resting.first->until <= now)
    push(&f->ready, pop(&f->resting));
}

static void hear_all(struct flood *f) {
  struct epoll_event events[512];
  int n = epoll_wait(f->epoll, events, 512, 1);
  for (int i = 0; i < n; i++) hear(f, events[i].data.ptr);
}

static void run(struct flood *f, double rate, int64_t seconds) {
  const int64_t step = (int64_t)(1e9 / rate), begun = now_ns();
  const int64_t end = begun + seconds * INT64_C(1000000000);
  int64_t due = begun;
  for (int64_t now = begun; now < end; now = now_ns()) {
    wake_rested(f, now);
    for (; due <= now && f->ready.first; due += step) send_one(f, pop(&f->ready), due);
    for (; due < now - LATE_NS; due += step) f->dropped++;
    hear_all(f);
  }
  for (; due < end; due += step) f->unsent++;
  f->over = true;
  while (f->out && now_ns() < end + LAST_NS) hear_all(f);
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static double ms_at(const struct times *t, double share) {
  return t->n ? t->us[(size_t)((double)(t->n - 1) * share)] / 1000.0 : 0;
}

static void report(struct flood *f) {
  printf("{\"dropped\": %zu, \"reconnects\": %zu, \"unsent\": %zu, \"unanswered\": %zu",
         f->dropped, f->reconnects, f->unsent, f->out);
  for (int k = 0; k < KINDS; k++) {
    struct times *t = &f->times[k];
    if (t->n) qsort(t->us, t->n, sizeof *t->us, by_size);
    printf(", \"%s\": {\"n\": %zu, \"late\": %zu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, "
           "\"max_ms\": %.2f}",
           kind_names[k], t->n, t->late, ms_at(t, 0.5), ms_at(t, 0.99), ms_at(t, 1));
  }
  printf("}\n");
}

static void read_requests(struct flood *f, const char *path, const char *file) {
  FILE *in = fopen(file, "r");
  char *line = NULL;
  size_t room = 0;
  ssize_t n;
  if (!in) die(file);
  while ((n = getline(&line, &room, in)) > 0) {
    line[n - 1] = '\0';
    char *body = strchr(line, '\t'), *text = NULL;
    if (!body) continue;
    *body++ = '\0';
    f->requests = realloc(f->requests, (f->n_requests + 1) * sizeof *f->requests);
    if (!f->requests ||
        asprintf(&text,
                 "POST %s HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n"
                 "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%s",
                 path, line, strlen(body), body) < 0)
      die("memory");
    f->requests[f->n_requests++] = text;
  }
  free(line);
  fclose(in);
  if (!f->n_requests) exit(2);
}

int main(int argc, char **argv) {
  if (argc != 8) return 2;
  struct flood f = {.patient = argv[7][0] == '1', .epoll = epoll_create1(EPOLL_CLOEXEC)};
  long conns = strtol(argv[4], NULL, 10);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  f.to = (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  read_requests(&f, argv[2], argv[3]);
  struct conn *all = calloc((size_t)conns, sizeof *all);
  if (!all) die("memory");
  for (long i = 0; i < conns; i++) {
    dial(&f, &all[i]);
    push(&f.ready, &all[i]);
  }
  run(&f, strtod(argv[5], NULL), strtol(argv[6], NULL, 10));
  report(&f);
  return 0;
}
