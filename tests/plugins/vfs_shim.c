#include "vfs_shim.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
  atomic_int aim;
  atomic_long failures, retried;
  pthread_mutex_t lock; /* over held, and while see runs */
  pthread_cond_t let_go;
  bool held;
  void (*see)(void *arg, const struct shim_event *e);
  void *see_arg;
};

struct file {
  sqlite3_file base;
  struct shim *shim;
  enum shim_file kind;
  atomic_bool sync_failed;
  bool is_new; /* SQLite syncs the folder with a new file's first sync */
  sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *f) {
  return ((struct file *)f)->real;
}

static int judge(struct shim *s, enum shim_file kind, enum shim_op op) {
  struct plan *p = &s->plans[op];
  int aim = atomic_load(&s->aim);
  if (aim != SHIM_FILES && aim != (int)kind) return SQLITE_OK;
  atomic_fetch_add(&p->count, 1);
  if (atomic_load(&p->left) == 0) return SQLITE_OK;
  if (atomic_fetch_sub(&p->left, 1) != 1) return SQLITE_OK;
  if (atomic_load(&p->for_ever)) atomic_store(&p->left, 1);
  atomic_fetch_add(&s->failures, 1);
  return atomic_load(&p->code);
}

static int judge_file(sqlite3_file *f, enum shim_op op) {
  struct file *file = (struct file *)f;
  return judge(file->shim, file->kind, op);
}

static void tell(struct shim *s, struct shim_event e) {
  if (!s->see) return;
  (void)pthread_mutex_lock(&s->lock);
  s->see(s->see_arg, &e);
  (void)pthread_mutex_unlock(&s->lock);
}

static void tell_file(sqlite3_file *f, struct shim_event e) {
  struct file *file = (struct file *)f;
  e.file = file->kind;
  tell(file->shim, e);
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

static int xRead(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
  int code = judge_file(f, SHIM_READ);
  return code ? code : real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}

static int xWrite(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
  int code = judge_file(f, SHIM_WRITE);
  if (code) n /= 2;
  int rc = n > 0 ? real_of(f)->pMethods->xWrite(real_of(f), from, n, at) : SQLITE_OK;
  if (rc == SQLITE_OK)
    tell_file(f, (struct shim_event){.op = SHIM_WRITE, .data = from, .at = at, .n = n});
  return code ? code : rc;
}

static int xTruncate(sqlite3_file *f, sqlite3_int64 size) {
  int code = judge_file(f, SHIM_TRUNCATE);
  if (!code) code = real_of(f)->pMethods->xTruncate(real_of(f), size);
  if (!code) tell_file(f, (struct shim_event){.op = SHIM_TRUNCATE, .n = size});
  return code;
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
  struct file *file = (struct file *)f;
  wait_while_held(file->shim);
  if (atomic_load(&file->sync_failed)) atomic_fetch_add(&file->shim->retried, 1);
  int code = judge_file(f, SHIM_SYNC);
  if (!code) code = real_of(f)->pMethods->xSync(real_of(f), flags);
  if (code) atomic_store(&file->sync_failed, true);
  tell_file(f, (struct shim_event){.op = SHIM_SYNC,
                                   .failed = code != SQLITE_OK,
                                   .folder_too = file->is_new});
  file->is_new = false;
  return code;
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

static bool ends(const char *name, const char *with) {
  size_t n = strlen(name), m = strlen(with);
  return n >= m && strcmp(name + n - m, with) == 0;
}

static enum shim_file kind_of(const char *name) {
  if (!name) return SHIM_OTHER;
  if (ends(name, "-wal")) return SHIM_LOG;
  return ends(name, "-journal") ? SHIM_JOURNAL : SHIM_DB;
}

static int xOpen(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                 int *ret_flags) {
  struct file *file = (struct file *)f;
  struct shim *s = vfs->pAppData;
  memset(file, 0, sizeof *file);
  file->shim = s;
  file->kind = kind_of(name);
  file->real = (sqlite3_file *)(file + 1);
  int rc = judge(s, file->kind, SHIM_OPEN);
  if (rc) return rc;
  file->is_new =
      (file->kind == SHIM_LOG || file->kind == SHIM_JOURNAL) && access(name, F_OK) != 0;
  rc = s->real->xOpen(s->real, name, file->real, flags, ret_flags);
  f->pMethods = file->real->pMethods ? &methods : NULL;
  if (rc == SQLITE_OK) tell_file(f, (struct shim_event){.op = SHIM_OPEN});
  return rc;
}

static int xDelete(sqlite3_vfs *vfs, const char *name, int sync_dir) {
  struct shim *s = vfs->pAppData;
  int rc = judge(s, kind_of(name), SHIM_DELETE);
  if (!rc) rc = s->real->xDelete(s->real, name, sync_dir);
  if (!rc)
    tell(s, (struct shim_event){
                .op = SHIM_DELETE, .file = kind_of(name), .folder_too = sync_dir != 0});
  return rc;
}

struct shim *shim_register(const char *name) {
  struct shim *s = calloc(1, sizeof *s);
  if (!s || pthread_mutex_init(&s->lock, NULL) != 0 ||
      pthread_cond_init(&s->let_go, NULL) != 0 || sqlite3_initialize() != SQLITE_OK)
    abort();
  atomic_store(&s->aim, SHIM_FILES);
  s->real = sqlite3_vfs_find(NULL);
  s->vfs = *s->real;
  s->vfs.pNext = NULL;
  s->vfs.zName = name;
  s->vfs.szOsFile += (int)sizeof(struct file);
  s->vfs.pAppData = s;
  s->vfs.xOpen = xOpen;
  s->vfs.xDelete = xDelete;
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

void shim_aim(struct shim *s, enum shim_file file) {
  atomic_store(&s->aim, (int)file);
  for (int i = 0; i < SHIM_OPS; i++) atomic_store(&s->plans[i].count, 0);
}

void shim_heal(struct shim *s) {
  for (int i = 0; i < SHIM_OPS; i++) atomic_store(&s->plans[i].left, 0);
}

long shim_count(struct shim *s, enum shim_op op) {
  return atomic_load(&s->plans[op].count);
}

long shim_failures(struct shim *s) {
  return atomic_load(&s->failures);
}

long shim_retried_syncs(struct shim *s) {
  return atomic_load(&s->retried);
}

void shim_watch(struct shim *s, void (*see)(void *arg, const struct shim_event *e),
                void *arg) {
  s->see = see;
  s->see_arg = arg;
}
