/* The whole listener under hostile bytes: a server on loopback, one connection an input.
 *
 * First byte: how many bytes each write has.  What the bytes mean is read beside it with
 * message.h alone: the handlers run must be as many as the whole messages, the answers as
 * many as handlers and refusals, and nothing may come behind a refusal. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "http/cors.h"
#include "http/server.h"

#define TURNS_MAX 100000
#define HEARD_MAX (1 << 20)

struct stage {
  struct cg_loop *loop;
  struct cg_server *server;
  struct cg_id_maker ids;
  unsigned handled, dialled;
  uint16_t port;
  char heard[HEARD_MAX + 1];
  size_t n_heard;
};

static bool handle(struct cg_exchange *x) {
  ((struct stage *)x->ctx)->handled++;
  cg_exchange_reply(x, 200, NULL, NULL, 0);
  return true;
}

static void set_up(struct stage *s) {
  static const struct cg_route none[] = {{NULL, NULL, NULL, 0}};
  static const char *const here[] = {"127.0.0.1"}, *const origins[] = {"https://a"};
  const struct cg_route *tables[] = {none};
  struct cg_err err;
  s->loop = cg_loop_new(&err);
  struct cg_router *router = cg_router_new(tables, 1, &err);
  CG_CHECK(s->loop && router);
  cg_router_set_fallback(router, handle);
  struct cg_server_conf conf = {.loop = s->loop,
                                .limits = cg_server_limits_default,
                                .router = router,
                                .ctx = s,
                                .clock = &cg_clock_system,
                                .ids = &s->ids,
                                .arenas = cg_arena_pool_new()};
  CG_CHECK(cg_sockets_open(&(struct cg_strings){here, 1}, 0, &conf.sockets, &err) &&
           cg_sockets_listen(&conf.sockets, &err));
  conf.cors = cg_cors_new(&(struct cg_strings){origins, 1}, cg_arena_new(NULL, 65536));
  s->port = conf.sockets.port;
  s->server = cg_server_new(&conf, &err);
  CG_CHECK(s->server);
}

/* The router answers by itself a query that cannot be read, an encoded body, and "*". */
static bool is_handled(const char *bytes, const struct cg_message *m) {
  if ((m->coded && m->body_len) || bytes[m->path.at] == '*') return false;
  struct cg_arena *arena = cg_arena_new(NULL, 65536);
  char *copy = arena ? cg_arena_strndup(arena, bytes + m->query.at, m->query.len) : NULL;
  struct cg_query *all;
  uint32_t n;
  CG_CHECK(copy);
  bool ok = !cg_query_parse(copy, m->query.len, arena, &all, &n);
  cg_arena_free(arena, NULL);
  return ok;
}

/* Handlers and answers that the bytes must have, when EOF follows. */
static void foresee(const char *bytes, size_t n, unsigned *handled, unsigned *answers) {
  const struct cg_message_limits *limits = &cg_server_limits_default.message;
  struct cg_message m = {.head_done = false};
  *handled = *answers = 0;
  for (; n; bytes += cg_message_size(&m), n -= cg_message_size(&m)) {
    cg_message_init(&m);
    enum cg_message_state state = cg_message_feed(&m, limits, bytes, n);
    if (state == CG_MESSAGE_MORE) *answers += m.begun;
    if (state == CG_MESSAGE_REFUSED) ++*answers;
    if (state != CG_MESSAGE_READY) return;
    *handled += is_handled(bytes, &m);
    ++*answers;
    if (m.close) return;
  }
}

static void hear(struct stage *s, int fd, bool *eof) {
  ssize_t n = recv(fd, s->heard + s->n_heard, HEARD_MAX - s->n_heard, 0);
  if (n > 0) s->n_heard += (size_t)n;
  *eof = n == 0 || (n < 0 && errno != EAGAIN);
  s->heard[s->n_heard] = '\0';
}

static void turn(struct stage *s) {
  event_base_loop(cg_loop_base(s->loop), EVLOOP_NONBLOCK);
}

/* From another address now and then: the ports of one would be used up in TIME_WAIT. */
static int dial(struct stage *s) {
  struct sockaddr_in from = {.sin_family = AF_INET,
                             .sin_addr.s_addr =
                                 htonl(INADDR_LOOPBACK + s->dialled++ / 4096 % 4000000)};
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(s->port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int on = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  CG_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof from) == 0);
  CG_CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS);
  return fd;
}

static void converse(struct stage *s, const char *bytes, size_t n, size_t step) {
  bool eof = false, shown = false;
  int fd = dial(s);
  for (unsigned turns = 0; !eof; turns++) {
    CG_CHECK(turns < TURNS_MAX);
    size_t part = n < step ? n : step;
    ssize_t sent = part ? send(fd, bytes, part, MSG_NOSIGNAL) : 0;
    if (sent > 0) bytes += sent, n -= (size_t)sent;
    if (sent < 0 && errno != EAGAIN) n = 0; /* it was refused and is being shut */
    if (n == 0 && !shown) shown = true, shutdown(fd, SHUT_WR);
    turn(s);
    hear(s, fd, &eof);
  }
  close(fd);
  while (cg_server_open(s->server)) turn(s);
}

static unsigned count_answers(const char *heard) {
  unsigned n = 0;
  for (; (heard = strstr(heard, "HTTP/1.1 ")); heard += 9)
    n += heard[9] >= '2' && heard[9] <= '5'; /* 100 is none, and a body has words */
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct stage *stage;
  static struct stage memory;
  if (!stage) set_up(stage = &memory);
  if (size == 0 || size > 32768) return 0;
  unsigned handled, answers;
  const char *bytes = (const char *)data + 1;
  foresee(bytes, size - 1, &handled, &answers);
  stage->handled = 0;
  stage->n_heard = 0;
  converse(stage, bytes, size - 1, data[0] ? data[0] * 16u : SIZE_MAX);
  CG_CHECK(stage->handled == handled);
  CG_CHECK(count_answers(stage->heard) == answers);
  return 0;
}
