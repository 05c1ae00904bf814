/* files.h - the files of one trail, and what guards them.
 *
 *   audit.db, -wal, -shm   SQLite's
 *   audit.db.lock          held (flock) by the one process that writes; names it
 *   audit.db.head          seq and hash of the newest committed row, as one line of text,
 *                          so that a trail whose end was cut off does not look whole
 *
 * The head is written after each commit without a sync of its own (the row is durable;
 * after a power cut the head may be older than the trail, never newer) and synced when
 * the writer is idle. */
#ifndef AUD_FILES_H
#define AUD_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "chain.h"
#include "message.h"
#include "stamp.h"

struct aud_head {
  int64_t seq; /* 0: no row yet */
  unsigned char hash[AUD_HASH_LEN];
  char time[AUD_TIME_LEN + 1]; /* newest since the clock last went back; "": of a file */
};

struct aud_files {
  char *db, *wal, *head, *lock;
  const char *vfs; /* NULL = SQLite's own */
  int lock_fd, head_fd;
};

/* What stood at a path when it was opened. */
struct aud_ident {
  dev_t dev;
  ino_t ino;
  off_t size;
};

bool aud_files_init(struct aud_files *p, const char *path, const char *vfs,
                    struct aud_message *msg);
void aud_files_free(struct aud_files *p); /* lets go of the lock */

/* Is there no audit.db yet?  false: there is none, and a head tells of rows. */
bool aud_files_new(const struct aud_files *p, bool *ret_new, struct aud_message *msg);

/* Become the one writer; makes an empty audit.db of mode 0600 when there is none and no
 * head tells of rows that should be there. */
bool aud_files_claim(struct aud_files *p, struct aud_message *msg);

bool aud_ident_take(const char *path, struct aud_ident *ret, struct aud_message *msg);
/* The same file still, and not shorter than ever seen. */
bool aud_ident_check(const char *path, struct aud_ident *known, struct aud_message *msg);

/* true with seq 0 when there is no head file; false: it is there and unreadable */
bool aud_head_read(const struct aud_files *p, struct aud_head *ret,
                   struct aud_message *msg);
bool aud_head_write(struct aud_files *p, const struct aud_head *head);
bool aud_head_sync(struct aud_files *p, const struct aud_head *head);

#endif
