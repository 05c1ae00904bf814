#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/check.h"

#define V4_AT 12 /* where IPv4 begins in its mapped form */

static const unsigned char mapped[V4_AT] = {[10] = 0xff, [11] = 0xff};

bool cg_addr_is_v4(const struct cg_addr *a) {
  return !memcmp(a->bytes, mapped, sizeof mapped);
}

static struct cg_addr from_v4(const void *four) {
  struct cg_addr a;
  memcpy(a.bytes, mapped, sizeof mapped);
  memcpy(a.bytes + V4_AT, four, 4);
  return a;
}

bool cg_addr_parse(const char *text, size_t n, struct cg_addr *ret) {
  char copy[CG_ADDR_TEXT];
  struct in_addr v4;
  struct in6_addr v6;
  if (n >= sizeof copy || memchr(text, 0, n)) return false;
  memcpy(copy, text, n);
  copy[n] = 0;
  if (inet_pton(AF_INET, copy, &v4) == 1) {
    *ret = from_v4(&v4);
    return true;
  }
  if (inet_pton(AF_INET6, copy, &v6) != 1) return false;
  memcpy(ret->bytes, &v6, sizeof v6);
  return true;
}

struct cg_addr cg_addr_of(const struct sockaddr *sa) {
  struct cg_addr a = {{0}};
  if (sa->sa_family == AF_INET)
    a = from_v4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
  else if (sa->sa_family == AF_INET6)
    memcpy(a.bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
           sizeof a.bytes);
  return a;
}

socklen_t cg_addr_socket(const struct cg_addr *a, uint16_t port,
                         struct sockaddr_storage *out) {
  struct sockaddr_in *v4 = (void *)out;
  struct sockaddr_in6 *v6 = (void *)out;
  memset(out, 0, sizeof *out);
  if (cg_addr_is_v4(a)) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    memcpy(&v4->sin_addr, a->bytes + V4_AT, 4);
    return sizeof *v4;
  }
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  memcpy(&v6->sin6_addr, a->bytes, sizeof a->bytes);
  return sizeof *v6;
}

void cg_addr_text(const struct cg_addr *a, char out[CG_ADDR_TEXT]) {
  bool v4 = cg_addr_is_v4(a);
  CG_CHECK(
      inet_ntop(v4 ? AF_INET : AF_INET6, a->bytes + (v4 ? V4_AT : 0), out, CG_ADDR_TEXT));
}

uint64_t cg_addr_client(const struct cg_addr *a) {
  uint64_t client = 0;
  if (cg_addr_is_v4(a))
    memcpy(&client, a->bytes + V4_AT, 4);
  else
    memcpy(&client, a->bytes, sizeof client);
  return client;
}

/* The bits that are not the network's. */
static struct cg_addr masked(const struct cg_addr *a, unsigned bits) {
  struct cg_addr m = *a;
  for (unsigned i = 0; i < sizeof m.bytes; i++) {
    unsigned own = bits <= i * 8 ? 0 : bits - i * 8;
    if (own < 8) m.bytes[i] &= (unsigned char)(0xff00 >> own);
  }
  return m;
}

/* At most three digits, no zero before others. */
static bool read_bits(const char *text, unsigned most, unsigned *ret) {
  size_t n = strspn(text, "0123456789");
  unsigned bits = 0;
  if (n < 1 || n > 3 || text[n] || (n > 1 && text[0] == '0')) return false;
  for (size_t i = 0; i < n; i++) bits = bits * 10 + (unsigned)(text[i] - '0');
  *ret = bits;
  return bits <= most;
}

bool cg_net_parse(const char *text, struct cg_net *ret, struct cg_err *err) {
  size_t n = strcspn(text, "/");
  struct cg_net net = {.bits = 128};
  unsigned bits;
  if (!cg_addr_parse(text, n, &net.addr))
    return cg_fail(err, CG_E_INVALID,
                   "\"%.64s\" is neither an address nor a network such as 10.0.0.0/8",
                   text);
  if (text[n]) {
    bool dots = !memchr(text, ':', n);
    unsigned width = dots ? 32 : 128;
    if (!read_bits(text + n + 1, width, &bits))
      return cg_fail(err, CG_E_INVALID, "\"%.64s\": the prefix must be 0 to %u", text,
                     width);
    net.bits = 128 - width + bits;
  }
  struct cg_addr whole = masked(&net.addr, net.bits);
  if (memcmp(&whole, &net.addr, sizeof whole)) {
    char first[CG_ADDR_TEXT];
    cg_addr_text(&whole, first);
    return cg_fail(err, CG_E_INVALID,
                   "\"%.64s\" has bits beyond its prefix; the network is %s%s", text,
                   first, text + n);
  }
  *ret = net;
  return true;
}

bool cg_nets_hold(const struct cg_nets *nets, const struct cg_addr *a) {
  for (size_t i = 0; i < nets->n; i++) {
    const struct cg_net *net = &nets->items[i];
    struct cg_addr m = masked(a, net->bits);
    bool family = cg_addr_is_v4(&net->addr) == cg_addr_is_v4(a);
    if (family && !memcmp(&m, &net->addr, sizeof m)) return true;
  }
  return false;
}
