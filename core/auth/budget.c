#include "auth/budget.h"

#include <string.h>
#include <sys/random.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

#define WAYS 8
#define SETS 512 /* a power of two */

struct slot {
  uint64_t client;
  int64_t since_us;
  uint32_t n; /* 0: free */
};

struct cg_budget {
  uint32_t limit;
  int64_t window_us;
  uint64_t seed; /* so that nobody can aim at a set */
  struct slot slots[SETS][WAYS];
};

struct cg_budget *cg_budget_new(uint32_t limit, int64_t window_us) {
  struct cg_budget *b = cg_alloc(sizeof *b);
  if (!b) return NULL;
  b->limit = limit;
  b->window_us = window_us;
  CG_CHECK(getrandom(&b->seed, sizeof b->seed, 0) == sizeof b->seed);
  return b;
}

void cg_budget_free(struct cg_budget *b) {
  cg_free(b);
}

/* Text that is no address counts as itself, and so as no address. */
static uint64_t client_of(const struct cg_budget *b, const char *text) {
  struct cg_addr addr;
  if (!text) return 0;
  size_t n = strlen(text);
  if (cg_addr_parse(text, n, &addr)) return cg_addr_client(&addr);
  return cg_hash_number(cg_hash(text, n), b->seed);
}

static size_t set_of(const struct cg_budget *b, uint64_t client) {
  return cg_hash_number(client, b->seed) & (SETS - 1);
}

/* Also when the clock went back. */
static bool over(const struct cg_budget *b, const struct slot *s, int64_t now) {
  return now < s->since_us || now - s->since_us >= b->window_us;
}

bool cg_budget_left(const struct cg_budget *b, const char *text, int64_t now_us) {
  uint64_t client = client_of(b, text);
  const struct slot *set = b->slots[set_of(b, client)];
  for (int i = 0; i < WAYS; i++)
    if (set[i].n && set[i].client == client)
      return set[i].n < b->limit || over(b, &set[i], now_us);
  return true;
}

void cg_budget_spend(struct cg_budget *b, const char *text, int64_t now_us) {
  uint64_t client = client_of(b, text);
  struct slot *set = b->slots[set_of(b, client)], *at = &set[0];
  for (int i = 0; i < WAYS; i++) {
    if (set[i].n && over(b, &set[i], now_us)) set[i].n = 0;
    if (set[i].n && set[i].client == client) {
      set[i].n++;
      return;
    }
    if (set[i].n < at->n) at = &set[i];
  }
  *at = (struct slot){client, now_us, 1};
}
