/* expiry.h - which holding lapses next: a binary heap of embedded entries.
 *
 * Each entry knows its slot, so moving or removing any of them is O(log n) and the next
 * to lapse is found at once; nothing is ever scanned.  Room for all entries is reserved
 * at the start (untouched pages cost nothing), so adding cannot fail.  Not locked.
 */
#ifndef QUOTA_LOCAL_EXPIRY_H
#define QUOTA_LOCAL_EXPIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct expiry_entry {
  int64_t at_us;
  size_t slot;
};

struct expiry {
  struct expiry_entry **heap;
  size_t n;
};

bool expiry_init(struct expiry *x, size_t max); /* false: out of memory */
void expiry_clear(struct expiry *x);

void expiry_add(struct expiry *x, struct expiry_entry *e, int64_t at_us);
void expiry_move(struct expiry *x, struct expiry_entry *e, int64_t at_us);
void expiry_remove(struct expiry *x, struct expiry_entry *e);
struct expiry_entry *expiry_due(const struct expiry *x, int64_t now_us); /* or NULL */

#endif
