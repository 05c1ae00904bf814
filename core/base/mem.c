#include "base/mem.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The one mutable state of the process that is not owned by an object: the torture hook,
 * the reserve and the counters.  A counter has one thread that writes it, as long as no
 * more than STRIPES live, so counting locks no bus and shares no cache line. */
#define STRIPES 64

static struct {
  _Atomic uint64_t n;
  char pad[64 - sizeof(uint64_t)];
} counts[STRIPES];
static _Atomic uint32_t next_stripe;
static _Thread_local uint32_t my_stripe; /* 0: none yet */
static _Thread_local uint64_t my_failures;
static _Atomic bool armed;
static _Atomic uint64_t seen, first, last; /* of the torture; armed guards them */

static bool allowed(void) {
  if (!my_stripe)
    my_stripe = 1 + atomic_fetch_add_explicit(&next_stripe, 1, memory_order_relaxed);
  _Atomic uint64_t *n = &counts[my_stripe % STRIPES].n;
  atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
                        memory_order_relaxed);
  if (!atomic_load_explicit(&armed, memory_order_relaxed)) return true;
  uint64_t nth = atomic_fetch_add(&seen, 1) + 1;
  if (nth >= last) atomic_store(&armed, false);
  return nth < first || nth > last;
}

void cg_mem_fail_from(uint64_t n, uint64_t more) {
  atomic_store(&armed, false);
  atomic_store(&seen, 0);
  atomic_store(&first, n);
  atomic_store(&last, n + more);
  atomic_store(&armed, n > 0);
}

void cg_mem_fail_after(uint64_t n) {
  cg_mem_fail_from(n, 0);
}

uint64_t cg_mem_count(void) {
  uint64_t sum = 0;
  for (int i = 0; i < STRIPES; i++)
    sum += atomic_load_explicit(&counts[i].n, memory_order_relaxed);
  return sum;
}

uint64_t cg_mem_failures(void) {
  return my_failures;
}

static void *noted(void *p) {
  if (!p) my_failures++;
  return p;
}

void *cg_alloc(size_t n) {
  return noted(allowed() ? calloc(1, n ? n : 1) : NULL);
}

void *cg_realloc(void *p, size_t n) {
  return noted(allowed() ? realloc(p, n ? n : 1) : NULL);
}

char *cg_strdup(const char *s) {
  size_t n = strlen(s) + 1;
  char *copy = cg_realloc(NULL, n);
  return copy ? memcpy(copy, s, n) : NULL;
}

void cg_free(void *p) {
  free(p);
}

void cg_free_secret(char *s) {
  if (!s) return;
  explicit_bzero(s, strlen(s));
  free(s);
}

/* ---- the reserve ---- */

static struct {
  pthread_mutex_t lock;
  _Atomic unsigned n;
  void *pieces[CG_FIRM_PIECES]; /* each of CG_FIRM_BYTES, malloc's own */
} reserve = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *from_reserve(size_t n) {
  if (n > CG_FIRM_BYTES) return NULL;
  pthread_mutex_lock(&reserve.lock);
  void *p = reserve.n > 0 ? reserve.pieces[--reserve.n] : NULL;
  pthread_mutex_unlock(&reserve.lock);
  return p;
}

void *cg_firm_alloc(size_t n) {
  void *p = cg_alloc(n);
  if (p || !(p = from_reserve(n))) return p;
  return memset(p, 0, n);
}

void *cg_firm_realloc(void *p, size_t n) {
  void *moved = cg_realloc(p, n);
  if (moved || !(moved = from_reserve(n)) || !p) return moved;
  size_t had = malloc_usable_size(p);
  memcpy(moved, p, had < n ? had : n);
  free(p);
  return moved;
}

bool cg_firm_ready(void) {
  if (reserve.n == CG_FIRM_PIECES) return true;
  pthread_mutex_lock(&reserve.lock);
  while (reserve.n < CG_FIRM_PIECES &&
         (reserve.pieces[reserve.n] = malloc(CG_FIRM_BYTES)))
    reserve.n++;
  unsigned there = reserve.n;
  pthread_mutex_unlock(&reserve.lock);
  return there >= CG_FIRM_PIECES / 2;
}
