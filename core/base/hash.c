#include "base/hash.h"

uint32_t cg_hash(const void *bytes, size_t n) {
  const unsigned char *at = bytes, *end = at + n;
  uint32_t h = 2166136261u;
  for (; at < end; at++) h = (h ^ *at) * 16777619u;
  return h;
}

uint64_t cg_hash_number(uint64_t number, uint64_t salt) {
  const uint64_t odd = UINT64_C(0xd6e8feb86659fd93);
  uint64_t h = number ^ salt;
  h = (h ^ h >> 32) * odd;
  h = (h ^ h >> 32) * (odd + 2 * salt);
  return h ^ h >> 32;
}
