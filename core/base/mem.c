#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The one mutable state of the process that is not owned by an object: the torture hook
 * and the counters.  Counters are striped so that workers do not share a cache line. */
#define STRIPES 64

static struct {
  _Atomic uint64_t n;
  char pad[64 - sizeof(uint64_t)];
} counts[STRIPES];
static _Atomic uint32_t next_stripe;
static _Thread_local uint32_t my_stripe; /* 0: none yet */
static _Thread_local uint64_t my_failures;
static _Atomic bool armed;
static _Atomic uint64_t left;

static bool allowed(void) {
  if (!my_stripe)
    my_stripe = 1 + atomic_fetch_add_explicit(&next_stripe, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&counts[my_stripe % STRIPES].n, 1, memory_order_relaxed);
  if (!atomic_load_explicit(&armed, memory_order_relaxed)) return true;
  if (atomic_fetch_sub(&left, 1) != 1) return true;
  atomic_store(&armed, false);
  return false;
}

void cg_mem_fail_after(uint64_t n) {
  atomic_store(&armed, false);
  atomic_store(&left, n);
  atomic_store(&armed, n > 0);
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
