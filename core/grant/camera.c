#include "grant/camera.h"

static bool copy_strings(struct cg_arena *a, const char *const *from, size_t n,
                         struct cg_strings *to) {
  const char **items = cg_arena_alloc(a, (n + 1) * sizeof *items);
  if (!items) return false;
  for (size_t i = 0; i < n; i++)
    if (!(items[i] = cg_arena_utf8(a, from[i]))) return false;
  *to = (struct cg_strings){.items = items, .n = n};
  return true;
}

const struct cg_camera *cg_camera_copy(struct cg_arena *a,
                                       const struct cgp_camera *from) {
  struct cg_camera *c = cg_arena_zalloc(a, sizeof *c);
  if (!c || !copy_strings(a, from->tags, from->n_tags, &c->tags)) return NULL;
  c->id = cg_arena_strdup(a, from->id);
  c->name = cg_arena_utf8(a, from->name);
  c->site = cg_arena_utf8(a, from->site);
  c->attributes = cg_arena_utf8(a, from->attributes);
  c->level = from->level;
  return c->id && c->name && c->site && c->attributes ? c : NULL;
}
