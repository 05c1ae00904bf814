/* tier.h - the qualities a gate offers, ordered by kbit/s.
 *
 * Read once from the configuration, immutable after, shared by all workers.  A tier is
 * meant by its index: 0 is the lowest.
 */
#ifndef CG_BASE_TIER_H
#define CG_BASE_TIER_H

#include <stddef.h>
#include <stdint.h>

#define CG_TIERS_MAX 8
#define CG_TIER_NONE (-1)

struct cg_tier {
  char name[32];
  uint32_t width, height, fps, kbps;
};

struct cg_tiers {
  struct cg_tier items[CG_TIERS_MAX];
  int n;
};

/* low 640x360 15 fps 500, medium 1280x720 25 fps 1500, high 1920x1080 25 fps 3000 */
extern const struct cg_tiers cg_tiers_default;

int cg_tier_find(const struct cg_tiers *t, const char *name); /* or CG_TIER_NONE */
const char *cg_tier_name(const struct cg_tiers *t, int tier); /* "" for CG_TIER_NONE */

#endif
