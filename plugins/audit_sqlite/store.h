/* store.h - the one read-write connection to the trail: all commits, all checkpoints.
 *
 * Owner and thread: the writer's thread (and init, before that thread runs).  The first
 * error of any call leaves the store unusable: roll nothing back, sync nothing again,
 * close it and open anew.  Opening checks the end of the trail first: the newest rows
 * must fit their hashes, and the newest acknowledged row must be there.  A commit that
 * failed may have left its rows behind that one; their callers were told that they are
 * not there, so opening deletes them. */
#ifndef AUD_STORE_H
#define AUD_STORE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "files.h"
#include "row.h"

enum aud_stmt {
  AUD_BEGIN,
  AUD_COMMIT,
  AUD_INSERT,
  AUD_REVISION_FIND,
  AUD_REVISION_ADD,
  AUD_NOTE_BACK,
  AUD_NOTE_STEP,
  AUD_STMTS
};

struct aud_store {
  struct aud_files *files; /* borrowed */
  struct aud_chain *chain; /* borrowed */
  struct aud_gather *gather;
  sqlite3 *db; /* NULL: closed */
  sqlite3_stmt *stmt[AUD_STMTS];
  struct aud_ident db_file, wal_file;
  struct aud_head head; /* of the newest committed row */
  struct aud_head next; /* of the newest row of the open transaction */
  int taken_out;        /* rows that the last open deleted */
  int64_t page_bytes;
  int log_pages;   /* after the last commit */
  int64_t indexed; /* search tables hold rows up to this seq (index.h) */
  char *revision;  /* the last one looked up, and its number */
  int64_t revision_number;
};

/* OLD: of a version that opening makes ours. */
enum aud_trail { AUD_TRAIL_EMPTY, AUD_TRAIL_OLD, AUD_TRAIL_OURS };

/* Is that database a trail?  false: of another version, or something else. */
bool aud_store_judge(sqlite3 *db, const struct aud_files *files, enum aud_trail *ret,
                     struct aud_message *msg);

/* acked: the newest row that this process told a caller about; NULL: the process has just
 * started, and the head file names that row. */
bool aud_store_open(struct aud_store *s, const struct aud_head *acked,
                    struct aud_message *msg);
void aud_store_close(struct aud_store *s);

/* A log that has grown long is written into the file, outside of any batch.  An error
 * makes the store unusable like any other, though the rows are safe in the log. */
bool aud_store_log_full(const struct aud_store *s);
bool aud_store_checkpoint(struct aud_store *s, struct aud_message *msg);

/* The last checkpoint, after which the file is whole without its log.  Before close. */
bool aud_store_settle(struct aud_store *s, struct aud_message *msg);

/* One batch: begin, add every row (sets row->seq), commit.  After commit returned true
 * the rows survive a power cut. */
bool aud_store_begin(struct aud_store *s, struct aud_message *msg);
bool aud_store_add(struct aud_store *s, struct aud_row *row, struct aud_message *msg);
bool aud_store_commit(struct aud_store *s, struct aud_message *msg);

/* In a batch without rows: a page is written again as it is. */
bool aud_store_touch(struct aud_store *s, struct aud_message *msg);

/* The files at their paths are still the ones that are open.  Two stat calls. */
bool aud_store_unmoved(struct aud_store *s, struct aud_message *msg);

#endif
