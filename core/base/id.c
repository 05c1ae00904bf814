#include "base/id.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/check.h"
#include "base/hash.h"

#define RANDOM_BYTES 6

static void fill(struct cg_id_maker *m) {
  for (size_t have = 0; have < sizeof m->pool;) {
    ssize_t n = getrandom(m->pool + have, sizeof m->pool - have, 0);
    CG_CHECK(n > 0 || errno == EINTR);
    if (n > 0) have += (size_t)n;
  }
  m->left = sizeof m->pool;
}

static char *put_hex(char *to, uint64_t value, int digits) {
  for (int i = digits; i--; value >>= 4) to[i] = "0123456789abcdef"[value & 15];
  return to + digits;
}

struct cg_id cg_id_new(struct cg_id_maker *m, int64_t wall_us, uint8_t home) {
  if (m->left < RANDOM_BYTES) fill(m);
  m->left -= RANDOM_BYTES;
  uint64_t random = 0;
  memcpy(&random, m->pool + m->left, RANDOM_BYTES);
  struct cg_id id;
  char *p = put_hex(id.text, (uint64_t)wall_us, 14);
  p = put_hex(p, home, 2);
  p = put_hex(p, random, 2 * RANDOM_BYTES);
  *p = '\0';
  return id;
}

bool cg_id_valid(const char *text) {
  size_t n = strspn(text, "0123456789abcdef");
  return n == CG_ID_LEN && !text[n];
}

static unsigned digit(char c) {
  return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

uint8_t cg_id_home(const char *valid_id) {
  return (uint8_t)(digit(valid_id[14]) << 4 | digit(valid_id[15]));
}

uint8_t cg_home_of(const char *subject) {
  uint32_t h = cg_hash(subject, strlen(subject));
  return (uint8_t)(h ^ h >> 8 ^ h >> 16 ^ h >> 24);
}
