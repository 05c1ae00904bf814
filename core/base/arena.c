#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define BLOCK    ((size_t)4096)
#define POOL_MAX 256
#define ALIGN    alignof(max_align_t)

struct block {
  struct block *next;
  size_t size; /* all of it, this header included */
};
#define BODY(b) ((char *)(b) + ROUND(sizeof(struct block)))

struct cg_arena_pool {
  struct block *free;
  unsigned n;
};

struct cg_arena {
  struct block *blocks;
  char *at, *end; /* free part of the current block */
  size_t used, cap;
  struct cg_arena_pool *pool;
};

#define ROUND(n) (((n) + ALIGN - 1) & ~(ALIGN - 1))

struct cg_arena_pool *cg_arena_pool_new(void) {
  return cg_alloc(sizeof(struct cg_arena_pool));
}

static void pool_push(struct cg_arena_pool *pool, struct block *b) {
  b->next = pool->free;
  pool->free = b;
  pool->n++;
  ASAN_POISON_MEMORY_REGION(b + 1, BLOCK - sizeof *b);
}

static struct block *pool_pop(struct cg_arena_pool *pool) {
  struct block *b = pool->free;
  ASAN_UNPOISON_MEMORY_REGION(b + 1, BLOCK - sizeof *b);
  pool->free = b->next;
  pool->n--;
  return b;
}

void cg_arena_pool_free(struct cg_arena_pool *pool) {
  if (!pool) return;
  while (pool->free) cg_free(pool_pop(pool));
  cg_free(pool);
}

static struct block *block_new(struct cg_arena_pool *pool, size_t size) {
  if (pool && pool->free && size == BLOCK) return pool_pop(pool);
  struct block *b = cg_realloc(NULL, size);
  if (b) b->size = size;
  return b;
}

struct cg_arena *cg_arena_new(struct cg_arena_pool *pool, size_t cap) {
  struct block *b = block_new(pool, BLOCK);
  if (!b) return NULL;
  b->next = NULL;
  struct cg_arena *a = (void *)BODY(b);
  *a = (struct cg_arena){.blocks = b,
                         .at = BODY(b) + ROUND(sizeof *a),
                         .end = (char *)b + BLOCK,
                         .used = BLOCK,
                         .cap = cap,
                         .pool = pool};
  return a;
}

void cg_arena_free(struct cg_arena *a, struct cg_arena_pool *pool) {
  if (!a) return;
  for (struct block *b = a->blocks, *next; b; b = next) {
    next = b->next;
    if (pool && b->size == BLOCK && pool->n < POOL_MAX)
      pool_push(pool, b);
    else
      cg_free(b);
  }
}

/* A large piece has a block to itself, behind the current one, which goes on. */
static void *alloc_slow(struct cg_arena *a, size_t n) {
  bool own = n > BLOCK / 4;
  size_t size = own ? ROUND(sizeof(struct block)) + n : BLOCK;
  if (size > a->cap || a->used > a->cap - size) return NULL;
  struct block *b = block_new(a->pool, size);
  if (!b) return NULL;
  a->used += size;
  if (own) {
    b->next = a->blocks->next;
    a->blocks->next = b;
    return BODY(b);
  }
  b->next = a->blocks;
  a->blocks = b;
  a->at = BODY(b) + n;
  a->end = (char *)b + BLOCK;
  return BODY(b);
}

void *cg_arena_alloc(struct cg_arena *a, size_t n) {
  if (n > a->cap) return NULL;
  n = ROUND(n ? n : 1);
  if (n > (size_t)(a->end - a->at)) return alloc_slow(a, n);
  void *p = a->at;
  a->at += n;
  return p;
}

void *cg_arena_zalloc(struct cg_arena *a, size_t n) {
  void *p = cg_arena_alloc(a, n);
  return p ? memset(p, 0, n) : NULL;
}

char *cg_arena_strndup(struct cg_arena *a, const char *s, size_t n) {
  if (!s) return NULL;
  char *copy = cg_arena_alloc(a, n + 1);
  if (!copy) return NULL;
  memcpy(copy, s, n);
  copy[n] = '\0';
  return copy;
}

char *cg_arena_strdup(struct cg_arena *a, const char *s) {
  return s ? cg_arena_strndup(a, s, strlen(s)) : NULL;
}

char *cg_arena_utf8(struct cg_arena *a, const char *s) {
  size_t n = strlen(s), size = cg_utf8_is(s, n) ? n + 1 : CG_UTF8_ROOM(n);
  char *text = cg_arena_alloc(a, size);
  if (text) cg_utf8_put(text, size, s, n);
  return text;
}

char *cg_arena_printf(struct cg_arena *a, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  char *text = n < 0 ? NULL : cg_arena_alloc(a, (size_t)n + 1);
  if (!text) return NULL;
  va_start(ap, fmt);
  vsnprintf(text, (size_t)n + 1, fmt, ap);
  va_end(ap);
  return text;
}
