/* arena.h - memory of one request: bump, cap, free at once.
 *
 * Each request owns one arena; everything that lives as long as the request comes from
 * it, and nothing is freed singly.  The cap bounds what a request can make the gate hold:
 * past it cg_arena_alloc returns NULL, and the request answers CG_E_MEMORY.  Blocks are
 * pooled per worker (cg_arena_pool), so a steady load allocates nothing.  One thread at a
 * time owns an arena; it may travel between workers with its request, and its blocks are
 * given back to the pool of the worker that frees it.
 */
#ifndef CG_BASE_ARENA_H
#define CG_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

struct cg_arena_pool; /* one per worker; holds at most 256 free blocks of 4 KiB */
struct cg_arena;

struct cg_arena_pool *cg_arena_pool_new(void);
void cg_arena_pool_free(struct cg_arena_pool *pool);

/* cap: bytes in all, counted in blocks.  pool may be NULL (blocks from the heap). */
struct cg_arena *cg_arena_new(struct cg_arena_pool *pool, size_t cap) CG_MUST_USE;
void cg_arena_free(struct cg_arena *a, struct cg_arena_pool *pool);

/* Aligned for any type, not zeroed.  NULL: cap reached or no memory. */
void *cg_arena_alloc(struct cg_arena *a, size_t n) CG_MUST_USE;
void *cg_arena_zalloc(struct cg_arena *a, size_t n) CG_MUST_USE;
char *cg_arena_strdup(struct cg_arena *a, const char *s) CG_MUST_USE; /* NULL -> NULL */
char *cg_arena_strndup(struct cg_arena *a, const char *s, size_t n) CG_MUST_USE;
/* A copy as UTF-8 (utf8.h): U+FFFD for what is none. */
char *cg_arena_utf8(struct cg_arena *a, const char *s) CG_MUST_USE;
char *cg_arena_printf(struct cg_arena *a, const char *fmt, ...) CG_MUST_USE
    CG_PRINTF(2, 3);

#endif
