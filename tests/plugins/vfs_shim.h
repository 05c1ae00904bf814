/* vfs_shim.h - a SQLite VFS that fails on demand and tells what it is asked for, on top
 * of the system's own.
 *
 * Register it under a name, give the name to the plugin (option "vfs"), then plan: the
 * nth call of a kind from now on fails with a code, once or for ever.  A write that fails
 * has written its first half.  Any thread may plan; the counts are atomic.  A plugin
 * loaded into this process shares its libsqlite3. */
#ifndef TESTS_PLUGINS_VFS_SHIM_H
#define TESTS_PLUGINS_VFS_SHIM_H

#include <stdbool.h>
#include <stdint.h>

enum shim_op {
  SHIM_OPEN,
  SHIM_READ,
  SHIM_WRITE,
  SHIM_TRUNCATE,
  SHIM_SYNC,
  SHIM_DELETE,
  SHIM_OPS
};

enum shim_file { SHIM_DB, SHIM_LOG, SHIM_JOURNAL, SHIM_OTHER, SHIM_FILES };

/* A call that was carried out, or a sync that failed. */
struct shim_event {
  enum shim_op op;
  enum shim_file file;
  bool failed;
  bool folder_too;  /* of a sync or delete: the folder was synced with it */
  const void *data; /* of a write */
  int64_t at, n;    /* of a write; n: also the size after a truncate */
};

struct shim;

struct shim *shim_register(const char *name); /* name must outlive it */
void shim_unregister(struct shim *s);         /* no file may be open through it */

/* nth 1: the very next one.  code: SQLITE_FULL, SQLITE_IOERR_FSYNC, ... */
void shim_fail(struct shim *s, enum shim_op op, long nth, bool for_ever, int code);
/* Only calls on that file count and fail; SHIM_FILES, as at first: on all. */
void shim_aim(struct shim *s, enum shim_file file);
/* Syncs do not return until let go. */
void shim_hold(struct shim *s);
void shim_let_go(struct shim *s);
void shim_heal(struct shim *s);

/* Since it was registered, or aimed. */
long shim_count(struct shim *s, enum shim_op op);
/* Calls that failed by plan. */
long shim_failures(struct shim *s);
/* Syncs asked of a file through a handle on which one had failed before. */
long shim_retried_syncs(struct shim *s);

/* Every event of opens, writes, truncates, syncs and deletes, one at a time, on the
 * thread that does it.  Set it before the first file is opened. */
void shim_watch(struct shim *s, void (*see)(void *arg, const struct shim_event *e),
                void *arg);

#endif
