#include "vfs_shim.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

struct plan {
  atomic_long left; /* calls until the failing one; 0: none planned */
  atomic_bool for_ever;
  atomic_int code;
  atomic_long count;
};

struct shim {
  sqlite3_vfs vfs;
  sqlite3_vfs *real;
  struct plan plans[SHIM_OPS];
  pthread_mutex_t lock;
  pthread_cond_t let_go;
  bool held;
};

struct file {
  sqlite3_file base;
  struct shim *shim;
  sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *f) {
  return ((struct file *)f)->real;
}

static int judge(sqlite3_file *f, enum shim_op op) {
  struct plan *p = &((struct file *)f)->shim->plans[op];
  atomic_fetch_add(&p->count, 1);
  if (atomic_load(&p->left) == 0) return SQLITE_OK;
  if (atomic_fetch_sub(&p->left, 1) != 1) return SQLITE_OK;
  if (atomic_load(&p->for_ever)) atomic_store(&p->left, 1);
  return atomic_load(&p->code);
}

#define PASS(name, params, ...)                                                          \
  static int name params {                                                               \
    return real_of(f)->pMethods->name(real_of(f), __VA_ARGS__);                          \
  }
#define PASS_ALONE(name)                                                                 \
  static int name(sqlite3_file *f) {                                                     \
    return real_of(f)->pMethods->name(real_of(f));                                       \
  }

PASS_ALONE(xClose)
PASS_ALONE(xSectorSize)
PASS_ALONE(xDeviceCharacteristics)
PASS(xRead, (sqlite3_file * f, void *to, int n, sqlite3_int64 at), to, n, at)
PASS(xTruncate, (sqlite3_file * f, sqlite3_int64 size), size)
PASS(xFileSize, (sqlite3_file * f, sqlite3_int64 *ret), ret)
PASS(xLock, (sqlite3_file * f, int level), level)
PASS(xUnlock, (sqlite3_file * f, int level), level)
PASS(xCheckReservedLock, (sqlite3_file * f, int *ret), ret)
PASS(xFileControl, (sqlite3_file * f, int op, void *arg), op, arg)
PASS(xShmMap, (sqlite3_file * f, int page, int size, int extend, void volatile **ret),
     page, size, extend, ret)
PASS(xShmLock, (sqlite3_file * f, int offset, int n, int flags), offset, n, flags)
PASS(xShmUnmap, (sqlite3_file * f, int remove), remove)

static void xShmBarrier(sqlite3_file *f) {
  real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int xWrite(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
  int code = judge(f, SHIM_WRITE);
  return code ? code : real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
}

static void set_held(struct shim *s, bool held) {
  (void)pthread_mutex_lock(&s->lock);
  s->held = held;
  (void)pthread_cond_broadcast(&s->let_go);
  (void)pthread_mutex_unlock(&s->lock);
}

void shim_hold(struct shim *s) {
  set_held(s, true);
}

void shim_let_go(struct shim *s) {
  set_held(s, false);
}

static void wait_while_held(struct shim *s) {
  (void)pthread_mutex_lock(&s->lock);
  while (s->held) (void)pthread_cond_wait(&s->let_go, &s->lock);
  (void)pthread_mutex_unlock(&s->lock);
}

static int xSync(sqlite3_file *f, int flags) {
  wait_while_held(((struct file *)f)->shim);
  int code = judge(f, SHIM_SYNC);
  return code ? code : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = xClose,
    .xRead = xRead,
    .xWrite = xWrite,
    .xTruncate = xTruncate,
    .xSync = xSync,
    .xFileSize = xFileSize,
    .xLock = xLock,
    .xUnlock = xUnlock,
    .xCheckReservedLock = xCheckReservedLock,
    .xFileControl = xFileControl,
    .xSectorSize = xSectorSize,
    .xDeviceCharacteristics = xDeviceCharacteristics,
    .xShmMap = xShmMap,
    .xShmLock = xShmLock,
    .xShmBarrier = xShmBarrier,
    .xShmUnmap = xShmUnmap,
};

static int xOpen(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                 int *ret_flags) {
  struct file *file = (struct file *)f;
  file->shim = vfs->pAppData;
  file->real = (sqlite3_file *)(file + 1);
  int rc = file->shim->real->xOpen(file->shim->real, name, file->real, flags, ret_flags);
  f->pMethods = file->real->pMethods ? &methods : NULL;
  return rc;
}

struct shim *shim_register(const char *name) {
  struct shim *s = calloc(1, sizeof *s);
  if (!s || pthread_mutex_init(&s->lock, NULL) != 0 ||
      pthread_cond_init(&s->let_go, NULL) != 0)
    abort();
  s->real = sqlite3_vfs_find(NULL);
  s->vfs = *s->real;
  s->vfs.pNext = NULL;
  s->vfs.zName = name;
  s->vfs.szOsFile += (int)sizeof(struct file);
  s->vfs.pAppData = s;
  s->vfs.xOpen = xOpen;
  if (sqlite3_vfs_register(&s->vfs, 0) != SQLITE_OK) abort();
  return s;
}

void shim_unregister(struct shim *s) {
  (void)sqlite3_vfs_unregister(&s->vfs);
  (void)pthread_cond_destroy(&s->let_go);
  (void)pthread_mutex_destroy(&s->lock);
  free(s);
}

void shim_fail(struct shim *s, enum shim_op op, long nth, bool for_ever, int code) {
  struct plan *p = &s->plans[op];
  atomic_store(&p->for_ever, for_ever);
  atomic_store(&p->code, code);
  atomic_store(&p->left, nth);
}

void shim_heal(struct shim *s) {
  for (int i = 0; i < SHIM_OPS; i++) atomic_store(&s->plans[i].left, 0);
}

long shim_count(struct shim *s, enum shim_op op) {
  return atomic_load(&s->plans[op].count);
}
