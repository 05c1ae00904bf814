#include "gather.h"

#include <stdlib.h>
#include <string.h>

#define ROOM 131072 /* bytes that gather: 31 pages of 4 KiB */

struct aud_gather {
  sqlite3_vfs vfs; /* first: SQLite hands it back as this */
  sqlite3_vfs *below;
  char name[32];
};

/* The log.  Behind it in memory lies the file of the VFS below. */
struct log_file {
  sqlite3_file base;
  char *gathered;
  int n;
  sqlite3_int64 at; /* where in the file the gathered bytes begin */
};

static sqlite3_file *below(sqlite3_file *f) {
  return (sqlite3_file *)((struct log_file *)f + 1);
}

static int write_down(sqlite3_file *f) {
  struct log_file *log = (struct log_file *)f;
  int n = log->n;
  log->n = 0;
  return n ? below(f)->pMethods->xWrite(below(f), log->gathered, n, log->at) : SQLITE_OK;
}

static int write_log(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
  struct log_file *log = (struct log_file *)f;
  if (log->n && (at != log->at + log->n || n > ROOM - log->n)) {
    int rc = write_down(f);
    if (rc != SQLITE_OK) return rc;
  }
  if (n > ROOM) return below(f)->pMethods->xWrite(below(f), from, n, at);
  if (!log->n) log->at = at;
  memcpy(log->gathered + log->n, from, (size_t)n);
  log->n += n;
  return SQLITE_OK;
}

/* What asks for the file finds in it what was gathered. */
#define AFTER_WRITES(name, params, ...)                                                  \
  static int name params {                                                               \
    int rc = write_down(f);                                                              \
    return rc != SQLITE_OK ? rc : below(f)->pMethods->name(below(f), __VA_ARGS__);       \
  }
#define PASSED_ON(name, params, ...)                                                     \
  static int name params {                                                               \
    return below(f)->pMethods->name(__VA_ARGS__);                                        \
  }

AFTER_WRITES(xRead, (sqlite3_file * f, void *to, int n, sqlite3_int64 at), to, n, at)
AFTER_WRITES(xTruncate, (sqlite3_file * f, sqlite3_int64 size), size)
AFTER_WRITES(xSync, (sqlite3_file * f, int flags), flags)
AFTER_WRITES(xFileSize, (sqlite3_file * f, sqlite3_int64 *ret), ret)
PASSED_ON(xLock, (sqlite3_file * f, int level), below(f), level)
PASSED_ON(xUnlock, (sqlite3_file * f, int level), below(f), level)
PASSED_ON(xCheckReservedLock, (sqlite3_file * f, int *ret), below(f), ret)
PASSED_ON(xFileControl, (sqlite3_file * f, int op, void *arg), below(f), op, arg)
PASSED_ON(xSectorSize, (sqlite3_file * f), below(f))
PASSED_ON(xDeviceCharacteristics, (sqlite3_file * f), below(f))

static int xClose(sqlite3_file *f) {
  free(((struct log_file *)f)->gathered);
  return below(f)->pMethods->xClose(below(f));
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = xClose,
    .xRead = xRead,
    .xWrite = write_log,
    .xTruncate = xTruncate,
    .xSync = xSync,
    .xFileSize = xFileSize,
    .xLock = xLock,
    .xUnlock = xUnlock,
    .xCheckReservedLock = xCheckReservedLock,
    .xFileControl = xFileControl,
    .xSectorSize = xSectorSize,
    .xDeviceCharacteristics = xDeviceCharacteristics,
};

static int open_log(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                    int *ret_flags) {
  struct log_file *log = (struct log_file *)f;
  *log = (struct log_file){.gathered = malloc(ROOM)};
  below(f)->pMethods = NULL;
  if (!log->gathered) return SQLITE_NOMEM;
  int rc = vfs->xOpen(vfs, name, below(f), flags, ret_flags);
  if (below(f)->pMethods)
    f->pMethods = &log_methods; /* SQLite closes it, also when it failed */
  else
    free(log->gathered);
  return rc;
}

static int xOpen(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                 int *ret_flags) {
  sqlite3_vfs *real = ((struct aud_gather *)vfs)->below;
  if (flags & SQLITE_OPEN_WAL) return open_log(real, name, f, flags, ret_flags);
  return real->xOpen(real, name, f, flags, ret_flags);
}

/* pAppData stays the one of the VFS below, whose other functions are called with it. */
struct aud_gather *aud_gather_open(const char *name, struct aud_message *msg) {
  sqlite3_vfs *real = sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(name) : NULL;
  struct aud_gather *g = real ? calloc(1, sizeof *g) : NULL;
  if (!g) {
    (void)aud_say(msg, real ? "out of memory" : "there is no SQLite VFS \"%s\"",
                  name ? name : "");
    return NULL;
  }
  (void)sqlite3_snprintf(sizeof g->name, g->name, "camgate-%p", (void *)g);
  g->below = real;
  g->vfs = *real;
  g->vfs.pNext = NULL;
  g->vfs.zName = g->name;
  g->vfs.szOsFile += (int)sizeof(struct log_file);
  g->vfs.xOpen = xOpen;
  if (sqlite3_vfs_register(&g->vfs, 0) == SQLITE_OK) return g;
  (void)aud_say(msg, "out of memory");
  free(g);
  return NULL;
}

const char *aud_gather_name(const struct aud_gather *g) {
  return g->name;
}

void aud_gather_close(struct aud_gather *g) {
  if (!g) return;
  (void)sqlite3_vfs_unregister(&g->vfs);
  free(g);
}
