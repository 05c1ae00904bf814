/* vfs_shim.h - a SQLite VFS that fails on demand, on top of the system's own.
 *
 * Register it under a name, give the name to the plugin (option "vfs"), then plan: the nth
 * write or sync from now on fails with a code, once or for ever.  Any thread may plan;
 * the counts are atomic.  A plugin loaded into this process shares its libsqlite3. */
#ifndef TESTS_PLUGINS_VFS_SHIM_H
#define TESTS_PLUGINS_VFS_SHIM_H

#include <stdbool.h>

enum shim_op { SHIM_WRITE, SHIM_SYNC, SHIM_OPS };

struct shim;

struct shim *shim_register(const char *name); /* name must outlive it */
void shim_unregister(struct shim *s);         /* no file may be open through it */

/* nth 1: the very next one.  code: SQLITE_FULL, SQLITE_IOERR_FSYNC, ... */
void shim_fail(struct shim *s, enum shim_op op, long nth, bool for_ever, int code);
/* Syncs do not return until let go. */
void shim_hold(struct shim *s);
void shim_let_go(struct shim *s);
void shim_heal(struct shim *s);

long shim_count(struct shim *s, enum shim_op op); /* since it was registered */

#endif
