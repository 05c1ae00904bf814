#include "http/peers.h"

#include <string.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

struct peer {
  uint64_t key;
  uint32_t n; /* 0: the slot is free */
};

struct cg_peers {
  uint64_t salt; /* so that nobody can choose addresses that meet in one slot */
  uint32_t mask, used, most;
  struct peer slots[];
};

struct cg_peers *cg_peers_new(uint32_t connections) {
  uint32_t size = 64;
  while (size < connections * 2 && size < 1u << 24) size *= 2;
  struct cg_peers *p = cg_alloc(sizeof *p + size * sizeof p->slots[0]);
  if (!p) return NULL;
  p->mask = size - 1;
  p->most = size / 4 * 3;
  if (getrandom(&p->salt, sizeof p->salt, 0) != sizeof p->salt) p->salt = (uintptr_t)p;
  return p;
}

void cg_peers_free(struct cg_peers *p) {
  cg_free(p);
}

static uint32_t home_of(const struct cg_peers *p, uint64_t key) {
  return (uint32_t)cg_hash_number(key, p->salt) & p->mask;
}

static uint32_t find(const struct cg_peers *p, uint64_t key) {
  uint32_t i = home_of(p, key);
  while (p->slots[i].n && p->slots[i].key != key) i = (i + 1) & p->mask;
  return i;
}

uint32_t cg_peers_add(struct cg_peers *p, uint64_t key) {
  struct peer *s = &p->slots[find(p, key)];
  if (s->n == 0) {
    if (p->used >= p->most) return 0;
    p->used++;
    s->key = key;
  }
  return ++s->n;
}

/* Closes the gap so that probing needs no tombstones. */
static void remove_at(struct cg_peers *p, uint32_t hole) {
  for (uint32_t i = (hole + 1) & p->mask; p->slots[i].n; i = (i + 1) & p->mask) {
    uint32_t home = home_of(p, p->slots[i].key);
    if (((i - home) & p->mask) < ((i - hole) & p->mask)) continue;
    p->slots[hole] = p->slots[i];
    hole = i;
  }
  p->slots[hole].n = 0;
}

void cg_peers_drop(struct cg_peers *p, uint64_t key) {
  uint32_t i = find(p, key);
  CG_CHECK(p->slots[i].n > 0);
  if (--p->slots[i].n) return;
  p->used--;
  remove_at(p, i);
}
