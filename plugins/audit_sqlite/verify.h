/* verify.h - does the trail still say what was written?
 *
 * Rows are read by seq.  The first bad one is the first that is missing (its number is
 * given), that stands at a number it should not have, that does not fit its hash, or,
 * at the end, that the head file says was there.  With every row in its place, the tables
 * and views are looked at (schema_check.h); what is wrong with them has row number 0. */
#ifndef AUD_VERIFY_H
#define AUD_VERIFY_H

#include <sqlite3.h>
#include <stdbool.h>

#include "files.h"

struct aud_verdict {
  bool intact;
  int64_t rows, first_bad;
  struct aud_message msg;
};

/* The whole trail, on a read-only connection, in pieces so that no long read transaction
 * keeps the log from starting over.  false: could not be read; verdict->msg. */
bool aud_verify_all(sqlite3 *db, const struct aud_files *files, struct aud_chain *chain,
                    struct aud_verdict *verdict);

/* The newest rows, before the writer adds more.  `must` has to be there (seq 0: nothing
 * has to); exact: the trail is taken to end with it.  *ret_end is where to go on. */
bool aud_verify_tail(sqlite3 *db, const struct aud_files *files, struct aud_chain *chain,
                     const struct aud_head *must, bool exact, struct aud_head *ret_end,
                     struct aud_message *msg);

#endif
