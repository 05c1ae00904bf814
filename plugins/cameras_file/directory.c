#include "directory.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (64 * 1024)

struct chunk {
  struct chunk *next;
  size_t used, size;
  _Alignas(max_align_t) char bytes[];
};

struct directory *directory_new(void) {
  struct directory *d = calloc(1, sizeof *d);
  if (d) atomic_init(&d->refs, 1);
  return d;
}

struct directory *directory_ref(struct directory *d) {
  atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
  return d;
}

void directory_unref(struct directory *d) {
  if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1) return;
  while (d->chunks) {
    struct chunk *next = d->chunks->next;
    free(d->chunks);
    d->chunks = next;
  }
  free(d);
}

static struct chunk *chunk_new(struct directory *d, size_t n) {
  size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;
  struct chunk *c = calloc(1, sizeof *c + size);
  if (!c) return NULL;
  c->size = size;
  c->next = d->chunks;
  d->chunks = c;
  return c;
}

void *directory_alloc(struct directory *d, size_t n) {
  const size_t step = _Alignof(max_align_t);
  if (n > SIZE_MAX / 2) return NULL;
  n = (n + step - 1) / step * step;
  struct chunk *c = d->chunks;
  if (!c || c->size - c->used < n) c = chunk_new(d, n);
  if (!c) return NULL;
  void *at = c->bytes + c->used;
  c->used += n;
  return at;
}

char *directory_text(struct directory *d, const char *text) {
  size_t n = strlen(text) + 1;
  char *copy = directory_alloc(d, n);
  if (copy) memcpy(copy, text, n);
  return copy;
}

/* FNV-1a: the ids are the administrator's, so nobody else chooses what collides. */
static size_t hash(const char *id) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *id; id++) h = (h ^ (unsigned char)*id) * 0x100000001b3u;
  return (size_t)(h ^ h >> 32);
}

static int by_id(const void *a, const void *b) {
  const struct cgp_camera *const *x = a, *const *y = b;
  return strcmp((*x)->id, (*y)->id);
}

static size_t doubles(const struct directory *d, const char **ret_twice) {
  size_t found = 0;
  for (size_t i = 1; i < d->n; i++) {
    if (strcmp(d->sorted[i - 1]->id, d->sorted[i]->id) != 0) continue;
    if (found++ == 0) *ret_twice = d->sorted[i]->id;
  }
  return found;
}

size_t directory_index(struct directory *d, const char **ret_twice) {
  size_t size = 8;
  while (size < 2 * d->n) size *= 2;
  d->slots = directory_alloc(d, size * sizeof *d->slots);
  if (!d->slots) return SIZE_MAX;
  d->mask = size - 1;
  if (d->n > 0) qsort(d->sorted, d->n, sizeof *d->sorted, by_id);
  for (size_t i = 0; i < d->n; i++) {
    size_t at = hash(d->sorted[i]->id) & d->mask;
    while (d->slots[at]) at = (at + 1) & d->mask;
    d->slots[at] = d->sorted[i];
  }
  return doubles(d, ret_twice);
}

const struct cgp_camera *directory_find(const struct directory *d, const char *id) {
  size_t at = hash(id) & d->mask;
  for (; d->slots[at]; at = (at + 1) & d->mask) {
    if (strcmp(d->slots[at]->id, id) == 0) return d->slots[at];
  }
  return NULL;
}

/* ---- what is new ---- */

static bool same_tags(const struct cgp_camera *a, const struct cgp_camera *b) {
  if (a->n_tags != b->n_tags) return false;
  for (size_t i = 0; i < a->n_tags; i++)
    if (strcmp(a->tags[i], b->tags[i]) != 0) return false;
  return true;
}

static bool same_feeds(const struct cgp_camera *a, const struct cgp_camera *b) {
  if (a->n_feeds != b->n_feeds) return false;
  for (size_t i = 0; i < a->n_feeds; i++)
    if (strcmp(a->feeds[i].tier, b->feeds[i].tier) != 0 ||
        strcmp(a->feeds[i].url, b->feeds[i].url) != 0)
      return false;
  return true;
}

static bool same(const struct cgp_camera *a, const struct cgp_camera *b) {
  return strcmp(a->name, b->name) == 0 && strcmp(a->site, b->site) == 0 &&
         strcmp(a->attributes, b->attributes) == 0 && a->level == b->level &&
         same_tags(a, b) && same_feeds(a, b);
}

void directory_compare(const struct directory *old, const struct directory *new,
                       void (*fn)(void *arg, enum cgp_change change, const char *id),
                       void *arg) {
  for (size_t i = 0, j = 0; i < old->n || j < new->n;) {
    const struct cgp_camera *a = i < old->n ? old->sorted[i] : NULL;
    const struct cgp_camera *b = j < new->n ? new->sorted[j] : NULL;
    int order = !a ? 1 : !b ? -1 : strcmp(a->id, b->id);
    if (order < 0) fn(arg, CGP_CAMERA_REMOVED, a->id);
    if (order > 0) fn(arg, CGP_CAMERA_ADDED, b->id);
    if (order == 0 && !same(a, b)) fn(arg, CGP_CAMERA_CHANGED, a->id);
    i += order <= 0;
    j += order >= 0;
  }
}
