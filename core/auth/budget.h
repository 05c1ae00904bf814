/* budget.h - wrong signatures, counted per client address.
 *
 * A fixed table counts in windows of time; an address over its limit has nothing left
 * until its window ends.  IPv6 counts by /64, which is what one client has; an
 * IPv4-mapped address is the IPv4 one.  When the table is full the smallest count of
 * eight gives way.  One per worker, one thread: n workers together let an address have n
 * times the limit.
 */
#ifndef CG_AUTH_BUDGET_H
#define CG_AUTH_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct cg_budget;

struct cg_budget *cg_budget_new(uint32_t limit, int64_t window_us) CG_MUST_USE;
void cg_budget_free(struct cg_budget *b); /* NULL is fine */

/* now_us: mono.  addr: an address in text; anything else, or NULL, counts as itself. */
bool cg_budget_left(const struct cg_budget *b, const char *addr, int64_t now_us);
void cg_budget_spend(struct cg_budget *b, const char *addr, int64_t now_us);

#endif
