/* map.h - strings to nodes: a chained hash table of fixed width.
 *
 * Lease ids and scope names carry text from outside, so the hash is SipHash-1-3 under a
 * random key: nobody can aim at one chain.  The width is fixed from the table's bound, so
 * no insertion ever pays for a resize; untouched pages of the array cost no memory.
 * A node is embedded first in its owner, which keeps the key alive.  The map frees no
 * nodes.  Not locked: the caller holds the table's lock.
 */
#ifndef QUOTA_LOCAL_MAP_H
#define QUOTA_LOCAL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_node {
  struct map_node *next;
  uint64_t hash;
  const char *key;
};

struct map_key {
  uint64_t k0, k1;
};

struct map {
  struct map_node **buckets;
  size_t mask, n, max;
  struct map_key key;
};

bool map_init(struct map *m, size_t max, struct map_key key); /* false: out of memory */
void map_clear(struct map *m);                                /* the array only */

struct map_node *map_find(const struct map *m, const char *key); /* or NULL */
bool map_full(const struct map *m);
void map_add(struct map *m, struct map_node *node,
             const char *key);                         /* not full, new key */
void map_remove(struct map *m, struct map_node *node); /* one that is in */

#endif
