#include "http/bind.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#define PORT_TRIES 16 /* for a port that is free at all addresses */

static const struct cg_addr any_v6 = {{0}};
static const struct cg_addr any_v4 = {{[10] = 0xff, [11] = 0xff}};

static bool same(const struct cg_addr *a, const struct cg_addr *b) {
  return !memcmp(a, b, sizeof *a);
}

static bool holds(const struct cg_addresses *list, const struct cg_addr *a) {
  for (uint32_t i = 0; i < list->n; i++)
    if (same(&list->items[i], a)) return true;
  return false;
}

/* ---- one socket ---- */

enum { V6_ONLY = 1, JOINS = 2 }; /* flags */

static bool turn_on(int fd, int level, int option, bool on) {
  const int value = on;
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* -1: errno says why. */
static int open_socket(const struct sockaddr_storage *sa, socklen_t len, unsigned flags) {
  int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (turn_on(fd, SOL_SOCKET, SO_REUSEADDR, true) &&
      turn_on(fd, SOL_SOCKET, SO_REUSEPORT, flags & JOINS) &&
      turn_on(fd, IPPROTO_TCP, TCP_NODELAY, true) &&
      (sa->ss_family != AF_INET6 ||
       turn_on(fd, IPPROTO_IPV6, IPV6_V6ONLY, flags & V6_ONLY)) &&
      bind(fd, (const struct sockaddr *)sa, len) == 0)
    return fd;
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

static int bind_one(const struct cg_addr *a, uint16_t port, unsigned flags) {
  struct sockaddr_storage sa;
  socklen_t len = cg_addr_socket(a, port, &sa);
  return open_socket(&sa, len, flags);
}

static uint16_t port_of(const struct sockaddr_storage *sa) {
  return ntohs(sa->ss_family == AF_INET6
                   ? ((const struct sockaddr_in6 *)(const void *)sa)->sin6_port
                   : ((const struct sockaddr_in *)(const void *)sa)->sin_port);
}

static uint16_t bound_port(int fd) {
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  return getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ? 0 : port_of(&sa);
}

static bool refuse(const char *where, uint16_t port, int why, struct cg_err *err) {
  const char *words = why == EADDRINUSE      ? "another process serves it"
                      : why == EADDRNOTAVAIL ? "that is no address of this host"
                                             : strerror(why);
  return cg_fail(err, CG_E_UNAVAILABLE, "cannot listen on %.128s port %u: %s", where,
                 port, words);
}

static bool refuse_address(const struct cg_addr *a, uint16_t port, int why,
                           struct cg_err *err) {
  char text[CG_ADDR_TEXT];
  cg_addr_text(a, text);
  return refuse(text, port, why, err);
}

/* ---- addresses ---- */

/* Of many hosts: Linux binds it, and no connection ever comes. */
static bool is_of_many(const struct cg_addr *a) {
  static const unsigned char all[4] = {255, 255, 255, 255};
  const unsigned char *v4 = a->bytes + 12;
  return cg_addr_is_v4(a) && ((v4[0] & 0xf0) == 0xe0 || !memcmp(v4, all, sizeof all));
}

/* Could it be bound?  0, or the errno that says why not. */
static int probe(const struct cg_addr *a, uint16_t port) {
  if (is_of_many(a)) return EADDRNOTAVAIL;
  int fd = bind_one(a, port, V6_ONLY);
  if (fd < 0) return errno == EADDRINUSE ? 0 : errno;
  close(fd);
  return 0;
}

static bool add(struct cg_addresses *list, const struct cg_addr *a, struct cg_err *err) {
  if (holds(list, a)) return true;
  if (list->n == CG_ADDRESSES_MAX)
    return cg_fail(err, CG_E_INVALID, "more than %d addresses", CG_ADDRESSES_MAX);
  list->items[list->n++] = *a;
  return true;
}

static bool is_name(const char *text) {
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789-._")] == '\0';
}

/* Its addresses that this host has. */
static bool add_name(struct cg_addresses *list, const char *name, uint16_t port,
                     struct cg_err *err) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found;
  int failed = getaddrinfo(name, NULL, &hints, &found);
  if (failed)
    return cg_fail(err, CG_E_INVALID, "cannot find \"%.128s\": %s", name,
                   gai_strerror(failed));
  bool ok = true, any = false;
  int why = EADDRNOTAVAIL;
  for (const struct addrinfo *f = found; ok && f; f = f->ai_next) {
    struct cg_addr a = cg_addr_of(f->ai_addr);
    int failure = probe(&a, port);
    any = any || !failure;
    if (failure)
      why = failure;
    else
      ok = add(list, &a, err);
  }
  freeaddrinfo(found);
  return ok && (any || refuse(name, port, why, err));
}

static bool add_one(struct cg_addresses *list, const char *text, uint16_t port,
                    struct cg_err *err) {
  struct cg_addr a;
  bool numeric = cg_addr_parse(text, strlen(text), &a);
  if (!numeric && !is_name(text))
    return cg_fail(err, CG_E_INVALID,
                   "\"%.128s\" is neither an address nor a host's name", text);
  if (!numeric) return add_name(list, text, port, err);
  int why = probe(&a, port);
  return why ? refuse_address(&a, port, why, err) : add(list, &a, err);
}

/* What a wildcard of its family covers goes. */
static void drop_covered(struct cg_addresses *list) {
  bool all_v4 = holds(list, &any_v4), all_v6 = holds(list, &any_v6);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < list->n; i++) {
    const struct cg_addr *a = &list->items[i];
    bool v4 = cg_addr_is_v4(a);
    if (!(v4 ? all_v4 : all_v6) || same(a, v4 ? &any_v4 : &any_v6))
      list->items[kept++] = *a;
  }
  list->n = kept;
}

bool cg_addresses_find(const struct cg_strings *names, uint16_t port,
                       struct cg_addresses *out, struct cg_err *err) {
  out->n = 0;
  for (size_t i = 0; i < names->n; i++)
    if (!add_one(out, names->items[i], port, err)) return false;
  drop_covered(out);
  return true;
}

/* ---- sets of sockets ---- */

void cg_sockets_close(struct cg_sockets *s) {
  for (uint32_t i = 0; i < s->n; i++) close(s->fds[i]);
  s->n = 0;
}

/* How many are bound; all of them, or errno says why the next is not. */
static uint32_t bind_all(const struct cg_addresses *where, struct cg_sockets *s) {
  unsigned flags = 0;
  for (uint32_t i = 0; i < where->n; i++)
    if (cg_addr_is_v4(&where->items[i])) flags = V6_ONLY;
  for (s->n = 0; s->n < where->n; s->n++) {
    int fd = bind_one(&where->items[s->n], s->port, flags);
    if (fd < 0) break;
    s->fds[s->n] = fd;
    if (!s->port) s->port = bound_port(fd);
  }
  return s->n;
}

bool cg_addresses_taken(const struct cg_addresses *where, uint16_t port,
                        struct cg_err *ret_words) {
  struct cg_sockets probe = {.port = port};
  uint32_t n = port ? bind_all(where, &probe) : where->n;
  int why = errno;
  cg_sockets_close(&probe);
  if (n == where->n || why != EADDRINUSE) return false;
  refuse_address(&where->items[n], port, why, ret_words);
  return true;
}

bool cg_sockets_open(const struct cg_strings *names, uint16_t port,
                     struct cg_sockets *out, struct cg_err *err) {
  struct cg_addresses where;
  *out = (struct cg_sockets){.port = port};
  if (!cg_addresses_find(names, port, &where, err)) return false;
  for (int tries = port ? 1 : PORT_TRIES; tries--; out->port = port) {
    uint32_t n = bind_all(&where, out);
    if (n == where.n) return true;
    int why = errno;
    cg_sockets_close(out);
    if (why != EADDRINUSE || !tries)
      return refuse_address(&where.items[n], out->port, why, err);
  }
  return false;
}

/* With errno. */
static bool refuse_socket(int fd, struct cg_err *err) {
  int why = errno;
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  memset(&sa, 0, sizeof sa);
  getsockname(fd, (struct sockaddr *)&sa, &len);
  struct cg_addr a = cg_addr_of((struct sockaddr *)&sa);
  return refuse_address(&a, port_of(&sa), why, err);
}

bool cg_sockets_listen(const struct cg_sockets *first, struct cg_err *err) {
  for (uint32_t i = 0; i < first->n; i++) {
    int fd = first->fds[i];
    if (listen(fd, CG_BACKLOG) < 0) return refuse_socket(fd, err);
  }
  return true;
}

/* A socket beside that one, listening. */
static int join(int first) {
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa, size = sizeof(int);
  int v6_only = 0;
  if (!turn_on(first, SOL_SOCKET, SO_REUSEPORT, true) ||
      getsockname(first, (struct sockaddr *)&sa, &len) < 0)
    return -1;
  if (sa.ss_family == AF_INET6 &&
      getsockopt(first, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &size) < 0)
    return -1;
  int fd = open_socket(&sa, len, JOINS | (v6_only ? V6_ONLY : 0));
  if (fd < 0 || listen(fd, CG_BACKLOG) == 0) return fd;
  close(fd);
  return -1;
}

bool cg_sockets_join(const struct cg_sockets *first, struct cg_sockets *out,
                     struct cg_err *err) {
  *out = (struct cg_sockets){.port = first->port};
  for (; out->n < first->n; out->n++) {
    int fd = join(first->fds[out->n]);
    if (fd < 0) {
      refuse_socket(first->fds[out->n], err);
      cg_sockets_close(out);
      return false;
    }
    out->fds[out->n] = fd;
  }
  return true;
}
