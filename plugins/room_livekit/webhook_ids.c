#include "webhook_ids.h"

#include <pthread.h>
#include <stdlib.h>

#define REMEMBERED 4096

/* A ring of hashes: two ids of 64 equal bits among 4096 do not happen by chance, and only
 * holders of the webhook's key choose ids. */
struct webhook_ids {
  pthread_mutex_t lock;
  size_t next;
  uint64_t hashes[REMEMBERED];
};

struct webhook_ids *webhook_ids_new(void) {
  struct webhook_ids *ids = calloc(1, sizeof *ids);
  if (ids) pthread_mutex_init(&ids->lock, NULL);
  return ids;
}

void webhook_ids_free(struct webhook_ids *ids) {
  if (!ids) return;
  pthread_mutex_destroy(&ids->lock);
  free(ids);
}

uint64_t webhook_id_hash(const char *id) {
  uint64_t h = 0xcbf29ce484222325u;
  if (!*id) return 0;
  for (; *id; id++) h = (h ^ (unsigned char)*id) * 0x100000001b3u;
  return h | 1; /* 0 = an empty place */
}

static bool holds(const struct webhook_ids *ids, uint64_t h) {
  for (size_t i = 0; i < REMEMBERED; i++) {
    if (ids->hashes[i] == h) return true;
  }
  return false;
}

bool webhook_ids_has(struct webhook_ids *ids, uint64_t h) {
  pthread_mutex_lock(&ids->lock);
  bool there = h && holds(ids, h);
  pthread_mutex_unlock(&ids->lock);
  return there;
}

bool webhook_ids_keep(struct webhook_ids *ids, uint64_t h) {
  pthread_mutex_lock(&ids->lock);
  bool before = h && holds(ids, h);
  if (h && !before) {
    ids->hashes[ids->next] = h;
    ids->next = (ids->next + 1) % REMEMBERED;
  }
  pthread_mutex_unlock(&ids->lock);
  return before;
}
