#include "seen.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define SEEN 4096

/* A ring of hashes: two ids of 64 equal bits among 4096 do not happen by chance, and only
 * holders of the webhook's key choose ids. */
struct seen {
  pthread_mutex_t lock;
  size_t next;
  uint64_t hashes[SEEN];
};

struct seen *seen_new(void) {
  struct seen *s = calloc(1, sizeof *s);
  if (s) pthread_mutex_init(&s->lock, NULL);
  return s;
}

void seen_free(struct seen *s) {
  if (!s) return;
  pthread_mutex_destroy(&s->lock);
  free(s);
}

static uint64_t hash(const char *id) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *id; id++) h = (h ^ (unsigned char)*id) * 0x100000001b3u;
  return h | 1; /* 0 = an empty place */
}

static bool holds(const struct seen *s, uint64_t h) {
  for (size_t i = 0; i < SEEN; i++) {
    if (s->hashes[i] == h) return true;
  }
  return false;
}

bool seen_before(struct seen *s, const char *id) {
  uint64_t h = hash(id);
  pthread_mutex_lock(&s->lock);
  bool before = holds(s, h);
  if (!before) {
    s->hashes[s->next] = h;
    s->next = (s->next + 1) % SEEN;
  }
  pthread_mutex_unlock(&s->lock);
  return before;
}
