/* mem.h - the heap, for what outlives a request.
 *
 * malloc and friends stand in mem.c alone (scripts/check bans them elsewhere), so that
 * one hook can fail the nth allocation of any build under test.  All return NULL when
 * there is no memory: boot code may CG_CHECK that, request code answers CG_E_MEMORY.  Any
 * thread.
 */
#ifndef CG_BASE_MEM_H
#define CG_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *cg_alloc(size_t n);            /* zeroed */
void *cg_realloc(void *p, size_t n); /* p NULL: new and not zeroed */
char *cg_strdup(const char *s);
void cg_free(void *p); /* NULL is fine */

/* For libraries that cannot bear NULL where it matters (libevent and evhtp while a
 * connection is accepted): when memory is short, pieces up to CG_FIRM_BYTES come from a
 * reserve of CG_FIRM_PIECES, shared by all threads.  cg_firm_ready fills it up again and
 * says whether half of it is there; who finds it is not must start nothing new. */
#define CG_FIRM_BYTES  4608
#define CG_FIRM_PIECES 64
void *cg_firm_alloc(size_t n); /* zeroed */
void *cg_firm_realloc(void *p, size_t n);
bool cg_firm_ready(void);

/* Overwrites before freeing; the compiler may not drop it. */
void cg_free_secret(char *s);

/* Torture: fail the nth allocation from now on (1 = the next), once; 0 = never. */
void cg_mem_fail_after(uint64_t n);
/* The nth and the `more` that follow it. */
void cg_mem_fail_from(uint64_t n, uint64_t more);
uint64_t cg_mem_count(void); /* allocations so far, all threads */

/* Allocations that failed on this thread so far.  Tells the "cannot read that" of a
 * library that allocates here from its "no memory for that". */
uint64_t cg_mem_failures(void);

#endif
