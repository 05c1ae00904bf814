#include "auth/b64url.h"

#include <stdint.h>

static int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool cg_b64url_decode(const char *text, size_t n, unsigned char *out, size_t max,
                      size_t *ret_n) {
  size_t bytes = n / 4 * 3 + (n % 4 ? n % 4 - 1 : 0), at = 0;
  if (n % 4 == 1 || bytes > max) return false;
  uint32_t bits = 0;
  int have = 0;
  for (size_t i = 0; i < n; i++) {
    int v = value_of(text[i]);
    if (v < 0) return false;
    bits = bits << 6 | (uint32_t)v;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out[at++] = (unsigned char)(bits >> have);
    bits &= (1u << have) - 1;
  }
  if (bits) return false;
  *ret_n = at;
  return true;
}
