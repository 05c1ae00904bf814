#include "http/bind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -> its length; 0: no numeric address */
static socklen_t read_address(const char *address, uint16_t port,
                              struct sockaddr_storage *out) {
  struct sockaddr_in *v4 = (void *)out;
  struct sockaddr_in6 *v6 = (void *)out;
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
  }
  if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1) return 0;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  return sizeof *v6;
}

static bool turn_on(int fd, int level, int option) {
  const int on = 1;
  return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

static bool bind_socket(int fd, bool reuseport, const struct sockaddr_storage *sa,
                        socklen_t len) {
  return turn_on(fd, SOL_SOCKET, SO_REUSEADDR) &&
         (!reuseport || turn_on(fd, SOL_SOCKET, SO_REUSEPORT)) &&
         turn_on(fd, IPPROTO_TCP, TCP_NODELAY) &&
         (sa->ss_family != AF_INET6 || turn_on(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
         bind(fd, (const struct sockaddr *)sa, len) == 0;
}

int cg_bind(const char *address, uint16_t port, bool reuseport, struct cg_err *err) {
  struct sockaddr_storage sa;
  socklen_t len = read_address(address, port, &sa);
  if (!len) {
    cg_fail(err, CG_E_INVALID, "%s is not an IPv4 or IPv6 address", address);
    return -1;
  }
  int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind_socket(fd, reuseport, &sa, len)) return fd;
  cg_fail(err, CG_E_UNAVAILABLE, "cannot listen on %s port %u: %s", address, port,
          strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

uint16_t cg_bound_port(int fd) {
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0) return 0;
  return ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
                                        : ((struct sockaddr_in *)&sa)->sin_port);
}
