/* disk_log.h - what a trail asked of the disk, and what a power cut may have left of it.
 *
 * Watches a shim while a trail is written: every write, truncate, sync and delete in
 * order, the contents of the head file (which is written beside SQLite) between them, and
 * which rows were acknowledged when.
 *
 * An image is what may lie on the disk if the power went after the first `upto` events.
 * What a later sync of the same file covered is there.  Anything else may be there or
 * not, each sector of 512 bytes for itself, so that writes arrive torn and in any order;
 * where a lost sector makes a file longer, it holds noise.  What a failed sync should
 * have covered is never made safe by a later one: the kernel has forgotten it.  A deleted
 * file may be back, unless its folder or its successor was synced.  The head file, never
 * seen synced, is any of its versions; the shared memory, if there, is noise. */
#ifndef TESTS_PLUGINS_DISK_LOG_H
#define TESTS_PLUGINS_DISK_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "vfs_shim.h"

struct disk_log;

/* head: path of the file that is looked at between events. */
struct disk_log *disk_log_start(struct shim *shim, const char *head);
void disk_log_free(struct disk_log *log);

/* This row's caller has just heard that it is durable.  Rows are told in any order. */
void disk_log_acknowledged(struct disk_log *log, int64_t seq);
size_t disk_log_events(struct disk_log *log);

struct disk_image {
  int64_t acknowledged; /* the newest row that must be there; 0: none */
  size_t bytes, lost;   /* sectors that an unsynced write covered, and those left out */
};

/* Writes the files of one possible image; `db` is the path of the database in it.  The
 * same seed gives the same image.  Nothing is watched any more. */
struct disk_image disk_log_image(struct disk_log *log, size_t upto, uint64_t seed,
                                 const char *db);

#endif
