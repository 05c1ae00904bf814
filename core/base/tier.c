#include "base/tier.h"

#include <string.h>

const struct cg_tiers cg_tiers_default = {
    .items = {{"low", 640, 360, 15, 500},
              {"medium", 1280, 720, 25, 1500},
              {"high", 1920, 1080, 25, 3000}},
    .n = 3,
};

int cg_tier_find(const struct cg_tiers *t, const char *name) {
  for (int i = 0; name && i < t->n; i++)
    if (!strcmp(t->items[i].name, name)) return i;
  return CG_TIER_NONE;
}

const char *cg_tier_name(const struct cg_tiers *t, int tier) {
  return tier >= 0 && tier < t->n ? t->items[tier].name : "";
}
