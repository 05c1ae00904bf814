#include "ports.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants the ones above */
#include <cmocka.h>

#define FIRST  10000
#define RANGE  10000
#define STRIDE 16 /* from one process to the next */

static bool is_free(uint16_t port, int type) {
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_port = htons(port),
                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  bool ok = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
  close(fd);
  return ok;
}

uint16_t ports_take(void) {
  static unsigned taken;
  for (unsigned tries = 0; tries < RANGE; tries++) {
    unsigned at = ((unsigned)getpid() * STRIDE + taken++) % RANGE;
    uint16_t port = (uint16_t)(FIRST + at);
    if (is_free(port, SOCK_STREAM) && is_free(port, SOCK_DGRAM)) return port;
  }
  fail_msg("no free port");
  return 0;
}
