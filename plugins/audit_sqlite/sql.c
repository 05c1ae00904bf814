#include "sql.h"

static const struct {
  int code;
  const char *name;
} io_steps[] = {
    {SQLITE_IOERR_READ, "read"},        {SQLITE_IOERR_SHORT_READ, "short read"},
    {SQLITE_IOERR_WRITE, "write"},      {SQLITE_IOERR_FSYNC, "sync"},
    {SQLITE_IOERR_DIR_FSYNC, "sync"},   {SQLITE_IOERR_TRUNCATE, "truncate"},
    {SQLITE_IOERR_FSTAT, "stat"},       {SQLITE_IOERR_LOCK, "lock"},
    {SQLITE_IOERR_SHMOPEN, "shm open"}, {SQLITE_IOERR_SHMSIZE, "shm size"},
    {SQLITE_READONLY_DBMOVED, "moved"},
};

bool aud_sql_say(sqlite3 *db, const struct aud_files *files, const char *doing,
                 struct aud_message *msg) {
  int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
  for (size_t i = 0; i < sizeof io_steps / sizeof *io_steps; i++)
    if (io_steps[i].code == code) doing = io_steps[i].name;
  return aud_say(msg, "%s: %s (%s)", files->db, db ? sqlite3_errmsg(db) : "out of memory",
                 doing);
}

bool aud_sql_run(sqlite3 *db, const struct aud_files *files, const char *sql,
                 struct aud_message *msg) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK) return true;
  return aud_sql_say(db, files, "statement", msg);
}

bool aud_sql_number(sqlite3 *db, const struct aud_files *files, const char *sql,
                    int64_t *ret, struct aud_message *msg) {
  sqlite3_stmt *st = NULL;
  bool ok = sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
            sqlite3_step(st) == SQLITE_ROW;
  if (ok) *ret = sqlite3_column_int64(st, 0);
  if (!ok) (void)aud_sql_say(db, files, "read", msg);
  (void)sqlite3_finalize(st);
  return ok;
}
