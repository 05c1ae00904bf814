#include "disk_log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR   512
#define HEAD_MAX 256

/* What SHIM_OTHER stands for here: the head's content changed. */
#define HEAD SHIM_OTHER

struct event {
  enum shim_op op;
  enum shim_file file;
  bool failed, folder_too;
  int64_t at, n, acknowledged;
  size_t data; /* where it begins in log->data */
};

struct disk_log {
  pthread_mutex_t lock;
  struct event *events;
  unsigned char *data;
  size_t n, capacity, data_n, data_capacity;
  int64_t acknowledged;
  char head_path[128], head[HEAD_MAX];
  ssize_t head_n;
};

/* ---- watching ---- */

static size_t keep(struct disk_log *log, const void *data, size_t n) {
  while (log->data_n + n > log->data_capacity) {
    log->data_capacity = log->data_capacity ? log->data_capacity * 2 : 1 << 20;
    log->data = realloc(log->data, log->data_capacity);
    if (!log->data) abort();
  }
  size_t at = log->data_n;
  if (n > 0) memcpy(log->data + at, data, n);
  log->data_n += n;
  return at;
}

static void add(struct disk_log *log, struct event e) {
  if (log->n == log->capacity) {
    log->capacity = log->capacity ? log->capacity * 2 : 4096;
    log->events = realloc(log->events, log->capacity * sizeof *log->events);
    if (!log->events) abort();
  }
  e.acknowledged = log->acknowledged;
  log->events[log->n++] = e;
}

static void look_at_head(struct disk_log *log) {
  char now[HEAD_MAX] = "";
  int fd = open(log->head_path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, now, sizeof now);
  if (fd >= 0) (void)close(fd);
  if (n < 0 || (n == log->head_n && memcmp(now, log->head, (size_t)n) == 0)) return;
  memcpy(log->head, now, sizeof now);
  log->head_n = n;
  add(log,
      (struct event){
          .op = SHIM_WRITE, .file = HEAD, .n = n, .data = keep(log, now, (size_t)n)});
}

static void see(void *arg, const struct shim_event *e) {
  struct disk_log *log = arg;
  (void)pthread_mutex_lock(&log->lock);
  look_at_head(log);
  size_t n = e->op == SHIM_WRITE ? (size_t)e->n : 0;
  if (e->op != SHIM_OPEN)
    add(log, (struct event){.op = e->op,
                            .file = e->file,
                            .failed = e->failed,
                            .folder_too = e->folder_too,
                            .at = e->at,
                            .n = e->n,
                            .data = keep(log, e->data, n)});
  (void)pthread_mutex_unlock(&log->lock);
}

struct disk_log *disk_log_start(struct shim *shim, const char *head) {
  struct disk_log *log = calloc(1, sizeof *log);
  if (!log || pthread_mutex_init(&log->lock, NULL) != 0) abort();
  (void)snprintf(log->head_path, sizeof log->head_path, "%s", head);
  log->head_n = -1;
  shim_watch(shim, see, log);
  return log;
}

void disk_log_free(struct disk_log *log) {
  (void)pthread_mutex_destroy(&log->lock);
  free(log->events);
  free(log->data);
  free(log);
}

void disk_log_acknowledged(struct disk_log *log, int64_t seq) {
  (void)pthread_mutex_lock(&log->lock);
  if (seq > log->acknowledged) log->acknowledged = seq;
  (void)pthread_mutex_unlock(&log->lock);
}

size_t disk_log_events(struct disk_log *log) {
  (void)pthread_mutex_lock(&log->lock);
  size_t n = log->n;
  (void)pthread_mutex_unlock(&log->lock);
  return n;
}

/* ---- an image ---- */

struct bytes {
  unsigned char *data;
  size_t n, capacity;
};

struct cut {
  const struct disk_log *log;
  size_t upto;
  uint64_t random;
  unsigned survive; /* of 256 sectors that no sync covered */
  struct disk_image image;
};

static uint64_t next_random(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static bool survives(struct cut *c) {
  return next_random(&c->random) % 256 < c->survive;
}

static void grow(struct cut *c, struct bytes *b, size_t n) {
  if (n > b->capacity) {
    b->capacity = n * 2;
    b->data = realloc(b->data, b->capacity);
    if (!b->data) abort();
  }
  for (; b->n < n; b->n++) b->data[b->n] = (unsigned char)next_random(&c->random);
}

static void put(struct cut *c, struct bytes *b, const struct event *e, bool safe) {
  const unsigned char *from = c->log->data + e->data;
  size_t at = (size_t)e->at, end = at + (size_t)e->n;
  while (at < end) {
    size_t stop = at - at % SECTOR + SECTOR < end ? at - at % SECTOR + SECTOR : end;
    bool there = safe || survives(c);
    if (!safe) c->image.bytes += stop - at;
    if (there) {
      grow(c, b, stop);
      memcpy(b->data + at, from, stop - at);
    } else {
      c->image.lost += stop - at;
    }
    from += stop - at;
    at = stop;
  }
}

/* Is what happened to the file at event i sure to be on the disk at the cut? */
static bool is_safe(const struct cut *c, size_t i) {
  enum shim_file file = c->log->events[i].file;
  for (size_t k = i + 1; k < c->upto; k++) {
    const struct event *e = &c->log->events[k];
    if (e->file != file || (e->op != SHIM_SYNC && e->op != SHIM_DELETE)) continue;
    return e->op == SHIM_SYNC && !e->failed;
  }
  return false;
}

/* Is the file deleted at event i sure not to be back? */
static bool is_gone(const struct cut *c, size_t i) {
  bool gone = c->log->events[i].folder_too || is_safe(c, i);
  for (size_t k = i + 1; k < c->upto && !gone; k++) {
    const struct event *e = &c->log->events[k];
    gone = e->op == SHIM_SYNC && !e->failed && e->folder_too;
  }
  return gone;
}

/* The events that make up the file: behind the last delete that counts, and before the
 * next. */
static void life_of(struct cut *c, enum shim_file file, size_t *from, size_t *to) {
  *from = 0;
  *to = c->upto;
  for (size_t i = 0; i < c->upto; i++) {
    if (c->log->events[i].file != file || c->log->events[i].op != SHIM_DELETE) continue;
    if (is_gone(c, i) || survives(c)) {
      *from = i + 1;
      *to = c->upto;
    } else if (*to == c->upto) {
      *to = i;
    }
  }
}

static void save(const char *db, const char *suffix, const struct bytes *b) {
  char path[160];
  (void)snprintf(path, sizeof path, "%s%s", db, suffix);
  FILE *f = fopen(path, "wb");
  if (!f || (b->n > 0 && fwrite(b->data, 1, b->n, f) != b->n) || fclose(f) != 0) abort();
}

static void make_file(struct cut *c, enum shim_file file, const char *db,
                      const char *suffix) {
  struct bytes b = {0};
  size_t from, to;
  bool seen = file == SHIM_DB;
  life_of(c, file, &from, &to);
  for (size_t i = from; i < to; i++) {
    const struct event *e = &c->log->events[i];
    if (e->file != file) continue;
    bool safe = e->op != SHIM_SYNC && is_safe(c, i);
    seen = true;
    if (e->op == SHIM_WRITE) put(c, &b, e, safe);
    if (e->op == SHIM_TRUNCATE && (safe || survives(c)) && (size_t)e->n < b.n)
      b.n = (size_t)e->n;
  }
  if (seen) save(db, suffix, &b);
  free(b.data);
}

static void make_head(struct cut *c, const char *db) {
  size_t versions = 0;
  const struct event *chosen = NULL;
  for (size_t i = 0; i < c->upto; i++) {
    const struct event *e = &c->log->events[i];
    if (e->file == HEAD && next_random(&c->random) % ++versions == 0) chosen = e;
  }
  if (!chosen) return;
  struct bytes b = {c->log->data + chosen->data, (size_t)chosen->n, 0};
  save(db, ".head", &b);
}

/* What stood there before means nothing, and must not matter. */
static void make_shared_memory(struct cut *c, const char *db) {
  struct bytes b = {0};
  if (next_random(&c->random) % 2 == 0) return;
  grow(c, &b, 32768);
  save(db, "-shm", &b);
  free(b.data);
}

struct disk_image disk_log_image(struct disk_log *log, size_t upto, uint64_t seed,
                                 const char *db) {
  static const unsigned chances[] = {0, 24, 128, 232, 256};
  struct cut c = {.log = log, .upto = upto, .random = seed};
  c.survive = chances[next_random(&c.random) % (sizeof chances / sizeof *chances)];
  c.image.acknowledged =
      upto < log->n ? log->events[upto].acknowledged : log->acknowledged;
  make_file(&c, SHIM_DB, db, "");
  make_file(&c, SHIM_LOG, db, "-wal");
  make_file(&c, SHIM_JOURNAL, db, "-journal");
  make_head(&c, db);
  make_shared_memory(&c, db);
  return c.image;
}
