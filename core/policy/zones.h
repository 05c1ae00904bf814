/* zones.h - the time zones that policies decide in: the gate's, and those of sites.
 *
 * Read by the main thread at the start and at every reload, then immutable and shared by
 * all workers through references.  A site that is not in the list follows the gate's
 * zone.  References are atomic: any thread.
 */
#ifndef CG_POLICY_ZONES_H
#define CG_POLICY_ZONES_H

#include "base/buf.h"
#include "base/zone.h"

struct cg_site_zone {
  const char *site;
  const struct cg_zone *zone;
};

struct cg_zones {
  const struct cg_zone *gate;
  const char *from;                 /* what named it, in words: "policies.zone", "TZ" */
  const struct cg_site_zone *sites; /* ascending by site */
  size_t n_sites;
};

/* One reference to the caller; all that `from` points to lives in the arena, which is the
 * zones' from now on.  NULL: no memory, the arena stays the caller's. */
const struct cg_zones *cg_zones_new(const struct cg_zones *from,
                                    struct cg_arena *arena) CG_MUST_USE;
const struct cg_zones *cg_zones_ref(const struct cg_zones *z); /* NULL is fine */
void cg_zones_unref(const struct cg_zones *z);                 /* NULL is fine */

/* z NULL: UTC. */
const struct cg_zone *cg_zones_of(const struct cg_zones *z, const char *site);

/* Members of an open object: zone and local_time of the gate, and sites as a list. */
void cg_zones_json(struct cg_buf *b, const struct cg_zones *z, int64_t wall_us);
/* "zone" and "local_time" of one. */
void cg_zone_json(struct cg_buf *b, const struct cg_zone *z, int64_t wall_us);

#endif
