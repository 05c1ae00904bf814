#include "policy/zones.h"

#include <stdatomic.h>
#include <string.h>

#include "base/civil.h"

struct owned {
  struct cg_zones pub; /* first: the public pointer is this one's */
  atomic_uint refs;
  struct cg_arena *arena;
};

static struct owned *owner(const struct cg_zones *z) {
  return (struct owned *)(uintptr_t)z;
}

const struct cg_zones *cg_zones_new(const struct cg_zones *from, struct cg_arena *arena) {
  struct owned *o = cg_arena_zalloc(arena, sizeof *o);
  if (!o) return NULL;
  o->pub = *from;
  o->arena = arena;
  atomic_init(&o->refs, 1);
  return &o->pub;
}

const struct cg_zones *cg_zones_ref(const struct cg_zones *z) {
  if (z) atomic_fetch_add(&owner(z)->refs, 1);
  return z;
}

void cg_zones_unref(const struct cg_zones *z) {
  if (z && atomic_fetch_sub(&owner(z)->refs, 1) == 1)
    cg_arena_free(owner(z)->arena, NULL);
}

const struct cg_zone *cg_zones_of(const struct cg_zones *z, const char *site) {
  if (!z) return &cg_zone_utc;
  size_t low = 0, high = z->n_sites;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int order = strcmp(z->sites[mid].site, site);
    if (!order) return z->sites[mid].zone;
    if (order < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return z->gate;
}

void cg_zone_json(struct cg_buf *b, const struct cg_zone *z, int64_t wall_us) {
  struct cg_local local;
  char text[CG_LOCAL_TEXT];
  cg_zone_local(z, cg_seconds_of(wall_us), &local);
  cg_local_text(&local, text);
  cg_json_str(b, "zone", z->name);
  cg_json_str(b, "local_time", text);
}

void cg_zones_json(struct cg_buf *b, const struct cg_zones *z, int64_t wall_us) {
  cg_zone_json(b, z ? z->gate : &cg_zone_utc, wall_us);
  cg_json_open(b, "sites", '[');
  for (size_t i = 0; z && i < z->n_sites; i++) {
    cg_json_open(b, NULL, '{');
    cg_json_str(b, "site", z->sites[i].site);
    cg_zone_json(b, z->sites[i].zone, wall_us);
    cg_json_close(b, '}');
  }
  cg_json_close(b, ']');
}
