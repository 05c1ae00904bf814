/* gather.h - a SQLite VFS under the writer's connection: the log is written in long runs.
 *
 * SQLite hands a commit to its write-ahead log in two small writes a page: 24 bytes of a
 * frame's header, then the page, one behind the other.  Here they gather in memory and go
 * down in one write: when the log is synced, read, cut or measured, or no more fit.  A
 * commit syncs the log before it is published in the index (synchronous = FULL), so no
 * reader ever looks for a frame that is not in the file.
 *
 * A write that fails is told by the call that made it go down, most often the sync.  The
 * gathered bytes are forgotten then: they are of a commit that failed, and never written
 * again.  All files but the log are those of the VFS below, untouched. */
#ifndef AUD_GATHER_H
#define AUD_GATHER_H

#include <sqlite3.h>

#include "message.h"

struct aud_gather;

/* below: a VFS's name, NULL = SQLite's own.  NULL: msg says why. */
struct aud_gather *aud_gather_open(const char *below, struct aud_message *msg);
const char *aud_gather_name(const struct aud_gather *g); /* for sqlite3_open_v2 */
/* No file is open through it; NULL is fine. */
void aud_gather_close(struct aud_gather *g);

#endif
