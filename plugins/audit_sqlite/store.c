#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "renew.h"
#include "schema.h"
#include "verify.h"

#define LOG_PAGES                                                                        \
  250 /* of 4 KiB, then the log is written into the file: little at a time */
#define LOG_KEPT "67108864"

static const char *const stmt_sql[AUD_STMTS] = {
    [AUD_BEGIN] = "BEGIN IMMEDIATE",
    [AUD_COMMIT] = "COMMIT",
    [AUD_INSERT] = "INSERT INTO events VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
                   "?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
    [AUD_REVISION_FIND] = "SELECT number FROM revisions WHERE text = ?1",
    [AUD_REVISION_ADD] = "INSERT INTO revisions(text) VALUES(?1) RETURNING number",
};

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

bool aud_sql_say(sqlite3 *db, const struct aud_place *p, const char *doing,
                 struct aud_words *words) {
  int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
  for (size_t i = 0; i < sizeof io_steps / sizeof *io_steps; i++)
    if (io_steps[i].code == code) doing = io_steps[i].name;
  return aud_say(words, "%s: %s (%s)", p->db, db ? sqlite3_errmsg(db) : "out of memory",
                 doing);
}

bool aud_sql_run(sqlite3 *db, const struct aud_place *p, const char *sql,
                 struct aud_words *words) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK) return true;
  return aud_sql_say(db, p, "statement", words);
}

static bool get_number(struct aud_store *s, const char *sql, int64_t *ret,
                       struct aud_words *words) {
  sqlite3_stmt *st = NULL;
  bool ok = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK &&
            sqlite3_step(st) == SQLITE_ROW;
  if (ok) *ret = sqlite3_column_int64(st, 0);
  if (!ok) (void)aud_sql_say(s->db, s->place, "read", words);
  (void)sqlite3_finalize(st);
  return ok;
}

static bool make_schema(struct aud_store *s, struct aud_words *words) {
  char stamp[128];
  (void)sqlite3_snprintf(sizeof stamp, stamp,
                         "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
                         AUD_APPLICATION_ID, AUD_SCHEMA_VERSION);
  return aud_sql_run(s->db, s->place, "BEGIN IMMEDIATE;" AUD_TABLES, words) &&
         aud_sql_run(s->db, s->place, AUD_TRAIL_VIEWS AUD_SESSIONS_VIEW, words) &&
         aud_sql_run(s->db, s->place, stamp, words);
}

static bool check_schema(struct aud_store *s, bool may_make, struct aud_words *words) {
  int64_t application = 0, version = 0, tables = 0;
  if (!get_number(s, "PRAGMA application_id", &application, words) ||
      !get_number(s, "PRAGMA user_version", &version, words) ||
      !get_number(s, "SELECT count(*) FROM sqlite_schema", &tables, words))
    return false;
  if (tables == 0 && application == 0)
    return may_make ? make_schema(s, words)
                    : aud_say(words, "%s has become empty", s->place->db);
  if (application != AUD_APPLICATION_ID)
    return aud_say(words, "%s is a database of something else", s->place->db);
  if (version != AUD_SCHEMA_VERSION)
    return aud_say(words, "%s has schema version %lld, this gate writes %d", s->place->db,
                   (long long)version, AUD_SCHEMA_VERSION);
  return true;
}

/* After each commit.  Nobody else makes the log longer, or shorter. */
static int see_log(void *arg, sqlite3 *db, const char *schema, int pages) {
  struct aud_store *s = arg;
  struct aud_ident now;
  struct aud_words words;
  (void)db;
  (void)schema;
  s->log_pages = pages;
  if (aud_ident_take(s->place->wal, &now, &words)) s->wal_file.size = now.size;
  return SQLITE_OK;
}

static bool connect(struct aud_store *s, struct aud_words *words) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(s->place->db, &s->db, flags, s->place->vfs) != SQLITE_OK)
    return aud_sql_say(s->db, s->place, "open", words);
  (void)sqlite3_extended_result_codes(s->db, 1);
  (void)sqlite3_busy_timeout(s->db, 200);
  /* in the place of SQLite's own, which would say nothing of a checkpoint that failed */
  (void)sqlite3_wal_hook(s->db, see_log, s);
  /* after an error a checkpoint at close would be a retried sync */
  (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  /* none is ours, and one of somebody else's could take rows away again */
  (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  if (sqlite3_db_readonly(s->db, "main") == 1)
    return aud_say(words, "%s is read-only for this process", s->place->db);
  return aud_sql_run(s->db, s->place,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "PRAGMA journal_size_limit = " LOG_KEPT
                     "; PRAGMA cache_size = -16384;"
                     "PRAGMA trusted_schema = OFF;",
                     words);
}

static bool prepare_all(struct aud_store *s, struct aud_words *words) {
  for (int i = 0; i < AUD_STMTS; i++)
    if (sqlite3_prepare_v3(s->db, stmt_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[i],
                           NULL) != SQLITE_OK)
      return aud_sql_say(s->db, s->place, "prepare", words);
  return true;
}

/* A write that must reach the disk, before anybody is told that writing works again. */
static bool probe(struct aud_store *s, int64_t keep_up_to, struct aud_words *words) {
  char sql[256];
  (void)sqlite3_snprintf(
      sizeof sql, sql,
      "BEGIN IMMEDIATE; DELETE FROM events WHERE seq > %lld;"
      "UPDATE meta SET value = value + 1 WHERE key = 'opened'; COMMIT;",
      (long long)keep_up_to);
  int before = sqlite3_total_changes(s->db);
  if (!aud_sql_run(s->db, s->place, sql, words)) return false;
  s->taken_out = sqlite3_total_changes(s->db) - before - 1;
  return true;
}

static bool look_at_the_end(struct aud_store *s, const struct aud_head *acked,
                            struct aud_words *words) {
  struct aud_head must = {0};
  if (acked)
    must = *acked;
  else if (!aud_head_read(s->place, &must, words))
    return false;
  if (!aud_verify_tail(s->db, s->place, s->chain, &must, acked != NULL, &s->head, words))
    return false;
  return probe(s, acked ? acked->seq : INT64_MAX - 1, words) &&
         get_number(s, "SELECT value FROM meta WHERE key = 'indexed'", &s->indexed,
                    words);
}

bool aud_store_open(struct aud_store *s, const struct aud_head *acked,
                    struct aud_words *words) {
  if (aud_ident_take(s->place->db, &s->db_file, words) &&
      aud_renew_log(s->place, words) && connect(s, words) &&
      check_schema(s, !acked, words) && look_at_the_end(s, acked, words) &&
      prepare_all(s, words) && aud_ident_check(s->place->db, &s->db_file, words) &&
      aud_ident_take(s->place->wal, &s->wal_file, words))
    return true;
  aud_store_close(s);
  return false;
}

void aud_store_close(struct aud_store *s) {
  for (int i = 0; i < AUD_STMTS; i++) {
    (void)sqlite3_finalize(s->stmt[i]);
    s->stmt[i] = NULL;
  }
  (void)sqlite3_close_v2(s->db);
  s->db = NULL;
  s->log_pages = 0;
  free(s->revision);
  s->revision = NULL;
}

bool aud_store_log_full(const struct aud_store *s) {
  return s->db && s->log_pages >= LOG_PAGES;
}

bool aud_store_checkpoint(struct aud_store *s, struct aud_words *words) {
  if (!aud_store_unmoved(s, words)) return false;
  if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) !=
      SQLITE_OK)
    return aud_sql_say(s->db, s->place, "checkpoint", words);
  s->log_pages =
      0; /* the next commit tells, should readers keep the log from restarting */
  return true;
}

bool aud_store_settle(struct aud_store *s, struct aud_words *words) {
  if (!aud_store_checkpoint(s, words)) return false;
  (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  return true;
}

static bool step_done(struct aud_store *s, enum aud_stmt which, struct aud_words *words) {
  int rc = sqlite3_step(s->stmt[which]);
  if (rc != SQLITE_DONE) (void)aud_sql_say(s->db, s->place, "write", words);
  return sqlite3_reset(s->stmt[which]) == SQLITE_OK && rc == SQLITE_DONE;
}

bool aud_store_begin(struct aud_store *s, struct aud_words *words) {
  s->next = s->head;
  return step_done(s, AUD_BEGIN, words);
}

static bool run_revision(struct aud_store *s, enum aud_stmt which,
                         const struct aud_row *row, bool *ret_found,
                         struct aud_words *words) {
  sqlite3_stmt *st = s->stmt[which];
  (void)sqlite3_bind_text(st, 1, row->text[AUD_REVISION], (int)row->len[AUD_REVISION],
                          SQLITE_STATIC);
  int rc = sqlite3_step(st);
  *ret_found = rc == SQLITE_ROW;
  if (*ret_found) s->revision_number = sqlite3_column_int64(st, 0);
  if (rc == SQLITE_ROW) rc = sqlite3_step(st); /* RETURNING ends its write here */
  if (rc != SQLITE_DONE && rc != SQLITE_ROW)
    (void)aud_sql_say(s->db, s->place, "revision", words);
  (void)sqlite3_reset(st);
  return rc == SQLITE_DONE;
}

static bool find_revision(struct aud_store *s, const struct aud_row *row,
                          struct aud_words *words) {
  size_t len = row->len[AUD_REVISION];
  if (s->revision && strlen(s->revision) == len &&
      memcmp(s->revision, row->text[AUD_REVISION], len) == 0)
    return true;
  bool found;
  if (!run_revision(s, AUD_REVISION_FIND, row, &found, words)) return false;
  if (!found && !run_revision(s, AUD_REVISION_ADD, row, &found, words)) return false;
  free(s->revision);
  s->revision = strndup(row->text[AUD_REVISION], len); /* NULL: looked up again */
  return true;
}

static bool insert(struct aud_store *s, const struct aud_row *row,
                   struct aud_words *words) {
  sqlite3_stmt *st = s->stmt[AUD_INSERT];
  (void)sqlite3_bind_int64(st, 1, row->seq);
  for (int i = 0; i < AUD_COLS; i++)
    if (i == AUD_REVISION)
      (void)sqlite3_bind_int64(st, i + 2, s->revision_number);
    else
      (void)sqlite3_bind_text(st, i + 2, row->text[i], (int)row->len[i], SQLITE_STATIC);
  (void)sqlite3_bind_blob(st, AUD_COLS + 2, s->next.hash, AUD_HASH_LEN, SQLITE_STATIC);
  return step_done(s, AUD_INSERT, words);
}

bool aud_store_add(struct aud_store *s, struct aud_row *row, struct aud_words *words) {
  if (memcmp(row->text[AUD_TIME], s->next.time, AUD_TIME_LEN) < 0)
    memcpy(row->text[AUD_TIME], s->next.time, AUD_TIME_LEN);
  row->seq = ++s->next.seq;
  memcpy(s->next.time, row->text[AUD_TIME], AUD_TIME_LEN);
  if (!aud_chain_hash(s->chain, s->next.hash, row->seq, row->block, row->block_len,
                      s->next.hash))
    return aud_say(words, "OpenSSL did not hash row %lld", (long long)row->seq);
  return find_revision(s, row, words) && insert(s, row, words);
}

bool aud_store_commit(struct aud_store *s, struct aud_words *words) {
  if (!step_done(s, AUD_COMMIT, words)) return false;
  s->head = s->next;
  return true;
}

bool aud_store_unmoved(struct aud_store *s, struct aud_words *words) {
  return aud_ident_check(s->place->db, &s->db_file, words) &&
         aud_ident_check(s->place->wal, &s->wal_file, words);
}
