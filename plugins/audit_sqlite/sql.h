/* sql.h - SQL that is run once, and what SQLite says when it fails. */
#ifndef AUD_SQL_H
#define AUD_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "files.h"

/* "audit.db: disk I/O error (sync)": SQLite's words, and its extended code's name where
 * one is known, else what we were doing.  Always false. */
bool aud_sql_say(sqlite3 *db, const struct aud_files *files, const char *doing,
                 struct aud_message *msg);
bool aud_sql_run(sqlite3 *db, const struct aud_files *files, const char *sql,
                 struct aud_message *msg);
/* The first column of the first row. */
bool aud_sql_number(sqlite3 *db, const struct aud_files *files, const char *sql,
                    int64_t *ret, struct aud_message *msg);

#endif
