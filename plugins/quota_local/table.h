/* table.h - who holds what: leases with their holdings, scopes with their counts.
 *
 * One table for the whole gate, shared by all workers: a mutex is held for the step on
 * the table and nothing else.  A scope exists while somebody holds it.  Both counts are
 * bounded; at a bound, or out of memory, the answer is CGP_E_BUSY and nothing changed.
 * Requests are whole: the host checks them.  Times are the host's monotonic clock.
 * A holding whose time is over counts, and can still be renewed, until it is swept.
 */
#ifndef QUOTA_LOCAL_TABLE_H
#define QUOTA_LOCAL_TABLE_H

#include "camgate_plugin.h"

struct table;

struct table_counts {
  size_t leases, scopes;
  bool full; /* of either: nobody new gets in */
};

/* The verdict, and what it points to. */
struct table_verdict {
  struct cgp_quota_verdict abi;
  const char *holders[CGP_HOLDERS_MAX];
  char ids[CGP_HOLDERS_MAX][CGP_LEASE_ID_MAX + 1];
};

struct table *table_new(size_t max_leases, size_t max_scopes); /* NULL: out of memory */
void table_free(struct table *t);                              /* NULL is fine */

/* A refusal's `scope` is the request's own string; its in_use leaves out what the asking
 * lease itself holds. */
enum cgp_code table_reserve(struct table *t, const struct cgp_quota_reserve *req,
                            int64_t now_us, struct table_verdict *ret);
enum cgp_code table_renew(struct table *t, const struct cgp_quota_hold *hold,
                          int64_t now_us, bool *ret_known);
void table_release(struct table *t, const char *const *lease_ids, size_t n);
uint64_t table_usage(struct table *t, const char *scope);
uint64_t table_sweep(struct table *t, int64_t now_us); /* holdings dropped */
/* Takes the holding unless the lease is known, whatever the limits. */
enum cgp_code table_restore(struct table *t, const struct cgp_quota_hold *hold,
                            int64_t now_us);
struct table_counts table_count(struct table *t);

#endif
