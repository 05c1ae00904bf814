#include "auth/token_cache.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define NONE UINT32_MAX

struct entry {
  unsigned char digest[CG_TOKEN_DIGEST];
  struct cg_identity *id; /* NULL: free */
  int64_t until_us;
  uint32_t chain;        /* next of the same bucket */
  uint32_t newer, older; /* ring of all entries by use; entry 0..n-1, head in cache */
};

struct cg_token_cache {
  uint32_t n, mask;
  uint32_t newest; /* newest.newer is the oldest: a ring */
  uint32_t *buckets;
  struct entry entries[];
};

static uint32_t *bucket_of(struct cg_token_cache *c, const unsigned char *digest) {
  uint32_t h;
  memcpy(&h, digest, sizeof h);
  return &c->buckets[h & c->mask];
}

struct cg_token_cache *cg_token_cache_new(uint32_t entries) {
  CG_CHECK(entries >= 1 && entries <= 1u << 24);
  struct cg_token_cache *c = cg_alloc(sizeof *c + entries * sizeof c->entries[0]);
  if (!c) return NULL;
  uint32_t buckets = 1;
  while (buckets < entries) buckets *= 2;
  c->n = entries;
  c->mask = buckets - 1;
  c->buckets = cg_alloc(buckets * sizeof c->buckets[0]);
  if (!c->buckets) {
    cg_free(c);
    return NULL;
  }
  memset(c->buckets, 0xff, buckets * sizeof c->buckets[0]);
  for (uint32_t i = 0; i < entries; i++) {
    c->entries[i].newer = (i + 1) % entries;
    c->entries[i].older = (i + entries - 1) % entries;
  }
  c->newest = entries - 1;
  return c;
}

static void drop(struct cg_token_cache *c, uint32_t i) {
  struct entry *e = &c->entries[i];
  if (!e->id) return;
  uint32_t *at = bucket_of(c, e->digest);
  while (*at != i) at = &c->entries[*at].chain;
  *at = e->chain;
  cg_identity_unref(e->id);
  e->id = NULL;
}

void cg_token_cache_clear(struct cg_token_cache *c) {
  for (uint32_t i = 0; i < c->n; i++) drop(c, i);
}

void cg_token_cache_free(struct cg_token_cache *c) {
  if (!c) return;
  cg_token_cache_clear(c);
  cg_free(c->buckets);
  cg_free(c);
}

static void use(struct cg_token_cache *c, uint32_t i) {
  struct entry *all = c->entries, *e = &all[i];
  if (i == c->newest) return;
  all[e->newer].older = e->older;
  all[e->older].newer = e->newer;
  e->older = c->newest;
  e->newer = all[c->newest].newer;
  all[e->newer].older = i;
  all[e->older].newer = i;
  c->newest = i;
}

static uint32_t find(struct cg_token_cache *c, const unsigned char *digest) {
  uint32_t i = *bucket_of(c, digest);
  while (i != NONE && memcmp(c->entries[i].digest, digest, CG_TOKEN_DIGEST))
    i = c->entries[i].chain;
  return i;
}

struct cg_identity *cg_token_cache_get(struct cg_token_cache *c,
                                       const unsigned char digest[CG_TOKEN_DIGEST],
                                       int64_t now_us) {
  uint32_t i = find(c, digest);
  if (i == NONE) return NULL;
  if (now_us >= c->entries[i].until_us) {
    drop(c, i);
    return NULL;
  }
  use(c, i);
  return cg_identity_ref(c->entries[i].id);
}

void cg_token_cache_put(struct cg_token_cache *c,
                        const unsigned char digest[CG_TOKEN_DIGEST],
                        struct cg_identity *id, int64_t until_us) {
  uint32_t i = find(c, digest);
  if (i == NONE) i = c->entries[c->newest].newer;
  drop(c, i);
  struct entry *e = &c->entries[i];
  memcpy(e->digest, digest, CG_TOKEN_DIGEST);
  e->id = cg_identity_ref(id);
  e->until_us = until_us;
  uint32_t *bucket = bucket_of(c, digest);
  e->chain = *bucket;
  *bucket = i;
  use(c, i);
}
