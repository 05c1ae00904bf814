#include "map.h"

#include <stdlib.h>
#include <string.h>

static uint64_t rotl(uint64_t x, unsigned bits) {
  return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4]) {
  v[0] += v[1], v[2] += v[3];
  v[1] = rotl(v[1], 13) ^ v[0], v[3] = rotl(v[3], 16) ^ v[2];
  v[0] = rotl(v[0], 32);
  v[2] += v[1], v[0] += v[3];
  v[1] = rotl(v[1], 17) ^ v[2], v[3] = rotl(v[3], 21) ^ v[0];
  v[2] = rotl(v[2], 32);
}

static uint64_t siphash13(struct map_key key, const void *data, size_t n) {
  const unsigned char *p = data;
  uint64_t v[4] = {key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d,
                   key.k0 ^ 0x6c7967656e657261, key.k1 ^ 0x7465646279746573};
  uint64_t word;
  size_t left = n;
  for (; left >= 8; p += 8, left -= 8) {
    memcpy(&word, p, 8);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
  }
  word = 0;
  memcpy(&word, p, left);
  word |= (uint64_t)n << 56;
  v[3] ^= word;
  sip_round(v);
  v[0] ^= word;
  v[2] ^= 0xff;
  for (int i = 0; i < 3; i++) sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t hash_of(const struct map *m, const char *key) {
  return siphash13(m->key, key, strlen(key));
}

bool map_init(struct map *m, size_t max, struct map_key key) {
  size_t width = 16;
  while (width < max) width *= 2;
  *m = (struct map){.mask = width - 1, .max = max, .key = key};
  m->buckets = calloc(width, sizeof *m->buckets);
  return m->buckets != NULL;
}

void map_clear(struct map *m) {
  free(m->buckets);
  m->buckets = NULL;
}

struct map_node *map_find(const struct map *m, const char *key) {
  uint64_t hash = hash_of(m, key);
  struct map_node *node = m->buckets[hash & m->mask];
  while (node && (node->hash != hash || strcmp(node->key, key) != 0)) node = node->next;
  return node;
}

bool map_full(const struct map *m) {
  return m->n >= m->max;
}

void map_add(struct map *m, struct map_node *node, const char *key) {
  node->key = key;
  node->hash = hash_of(m, key);
  struct map_node **bucket = &m->buckets[node->hash & m->mask];
  node->next = *bucket;
  *bucket = node;
  m->n++;
}

void map_remove(struct map *m, struct map_node *node) {
  struct map_node **link = &m->buckets[node->hash & m->mask];
  while (*link != node) link = &(*link)->next;
  *link = node->next;
  m->n--;
}
