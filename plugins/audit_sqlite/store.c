#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "gather.h"
#include "renew.h"
#include "schema.h"
#include "sql.h"
#include "stamp.h"
#include "verify.h"

#define LOG_PAGES 1000       /* so long a log is written into the file */
#define LOG_KEPT  "67108864" /* bytes that the log's file may keep */

#define BACK_US 1000000 /* rows of workers that write together differ by less */

#define LOG_HEADER   32
#define FRAME_HEADER 24

static const char *const stmt_sql[AUD_STMTS] = {
    [AUD_BEGIN] = "BEGIN IMMEDIATE",
    [AUD_COMMIT] = "COMMIT",
    [AUD_INSERT] = AUD_INSERT_ROW,
    [AUD_REVISION_FIND] = "SELECT number FROM revisions WHERE text = ?1",
    [AUD_REVISION_ADD] = "INSERT INTO revisions(text) VALUES(?1) RETURNING number",
    [AUD_NOTE_BACK] = "INSERT OR REPLACE INTO meta VALUES(printf('back %019d', ?1), ?1)",
    [AUD_NOTE_STEP] = "INSERT OR REPLACE INTO meta SELECT printf('step %019d', ?1), "
                      "coalesce(CASE WHEN json_valid(?2) THEN CAST(json_extract(?2, "
                      "'$.step_ms') AS INTEGER) END, 0)",
};

static bool make_schema(struct aud_store *s, struct aud_message *msg) {
  char *schema = aud_schema_sql(AUD_SCHEMA_VERSION);
  char *sql = sqlite3_mprintf("BEGIN IMMEDIATE; %s PRAGMA application_id = %d;"
                              "PRAGMA user_version = %d; COMMIT;",
                              schema, AUD_APPLICATION_ID, AUD_SCHEMA_VERSION);
  bool ok = schema && sql ? aud_sql_run(s->db, s->files, sql, msg)
                          : aud_say(msg, "out of memory");
  sqlite3_free(sql);
  sqlite3_free(schema);
  return ok;
}

static bool renew_schema(struct aud_store *s, struct aud_message *msg) {
  char *views = aud_schema_renewal();
  char *sql = sqlite3_mprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT;",
                              views, AUD_SCHEMA_VERSION);
  bool ok = views && sql ? aud_sql_run(s->db, s->files, sql, msg)
                         : aud_say(msg, "out of memory");
  sqlite3_free(sql);
  sqlite3_free(views);
  return ok;
}

bool aud_store_judge(sqlite3 *db, const struct aud_files *files, enum aud_trail *ret,
                     struct aud_message *msg) {
  int64_t application = 0, version = 0, tables = 0;
  if (!aud_sql_number(db, files, "PRAGMA application_id", &application, msg) ||
      !aud_sql_number(db, files, "PRAGMA user_version", &version, msg) ||
      !aud_sql_number(db, files, "SELECT count(*) FROM sqlite_schema", &tables, msg))
    return false;
  *ret = AUD_TRAIL_EMPTY;
  if (tables == 0 && application == 0) return true;
  if (application != AUD_APPLICATION_ID)
    return aud_say(msg, "%s is a database of something else", files->db);
  *ret = version == AUD_SCHEMA_FIRST ? AUD_TRAIL_OLD : AUD_TRAIL_OURS;
  if (version != AUD_SCHEMA_VERSION && version != AUD_SCHEMA_FIRST)
    return aud_say(msg, "%s has schema version %lld, this gate writes %d", files->db,
                   (long long)version, AUD_SCHEMA_VERSION);
  return true;
}

static bool check_schema(struct aud_store *s, bool may_make, struct aud_message *msg) {
  enum aud_trail is;
  if (!aud_store_judge(s->db, s->files, &is, msg)) return false;
  if (is == AUD_TRAIL_OURS) return true;
  if (is == AUD_TRAIL_OLD) return renew_schema(s, msg);
  return may_make ? make_schema(s, msg)
                  : aud_say(msg, "%s has become empty", s->files->db);
}

/* Runs after each commit, which may have cut the log's file: from now on it is never
 * shorter than its pages (sqlite.org/fileformat2.html, "WAL File Format"). */
static int see_log(void *arg, sqlite3 *db, const char *schema, int pages) {
  struct aud_store *s = arg;
  (void)db;
  (void)schema;
  s->log_pages = pages;
  s->wal_file.size = LOG_HEADER + (off_t)pages * (FRAME_HEADER + s->page_bytes);
  return SQLITE_OK;
}

static bool connect(struct aud_store *s, struct aud_message *msg) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  s->gather = aud_gather_open(s->files->vfs, msg);
  if (!s->gather) return false;
  if (sqlite3_open_v2(s->files->db, &s->db, flags, aud_gather_name(s->gather)) !=
      SQLITE_OK)
    return aud_sql_say(s->db, s->files, "open", msg);
  (void)sqlite3_extended_result_codes(s->db, 1);
  (void)sqlite3_busy_timeout(s->db, 200);
  /* it replaces SQLite's own hook, which makes checkpoints and hides their failures */
  (void)sqlite3_wal_hook(s->db, see_log, s);
  /* a checkpoint at close could sync again what a sync had failed on */
  (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  /* the gate has no trigger; one that a stranger made could delete rows */
  (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  if (sqlite3_db_readonly(s->db, "main") == 1)
    return aud_say(msg, "%s is read-only for this process", s->files->db);
  return aud_sql_run(s->db, s->files,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "PRAGMA journal_size_limit = " LOG_KEPT
                     "; PRAGMA cache_size = -16384;"
                     "PRAGMA trusted_schema = OFF;",
                     msg) &&
         aud_sql_number(s->db, s->files, "PRAGMA page_size", &s->page_bytes, msg);
}

static bool prepare_all(struct aud_store *s, struct aud_message *msg) {
  for (int i = 0; i < AUD_STMTS; i++)
    if (sqlite3_prepare_v3(s->db, stmt_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[i],
                           NULL) != SQLITE_OK)
      return aud_sql_say(s->db, s->files, "prepare", msg);
  return true;
}

/* Writes and syncs something, before anybody is told that the trail takes rows again. */
static bool probe(struct aud_store *s, int64_t keep_up_to, struct aud_message *msg) {
  char notes[256], rows[256];
  (void)sqlite3_snprintf(sizeof notes, notes,
                         "BEGIN IMMEDIATE; DELETE FROM meta WHERE key GLOB '???? [0-9]*' "
                         "AND CAST(substr(key, 6) AS INTEGER) > %lld;",
                         (long long)keep_up_to);
  (void)sqlite3_snprintf(
      sizeof rows, rows,
      "DELETE FROM events WHERE seq > %lld;"
      "UPDATE meta SET value = value + 1 WHERE key = 'opened'; COMMIT;",
      (long long)keep_up_to);
  if (!aud_sql_run(s->db, s->files, notes, msg)) return false;
  int before = sqlite3_total_changes(s->db);
  if (!aud_sql_run(s->db, s->files, rows, msg)) return false;
  s->taken_out = sqlite3_total_changes(s->db) - before - 1;
  return true;
}

static bool look_at_the_end(struct aud_store *s, const struct aud_head *acked,
                            struct aud_message *msg) {
  struct aud_head must = {0};
  if (acked)
    must = *acked;
  else if (!aud_head_read(s->files, &must, msg))
    return false;
  if (!aud_verify_tail(s->db, s->files, s->chain, &must, acked != NULL, &s->head, msg))
    return false;
  return probe(s, acked ? acked->seq : INT64_MAX - 1, msg) &&
         aud_sql_number(s->db, s->files, "SELECT value FROM meta WHERE key = 'indexed'",
                        &s->indexed, msg);
}

bool aud_store_open(struct aud_store *s, const struct aud_head *acked,
                    struct aud_message *msg) {
  if (aud_ident_take(s->files->db, &s->db_file, msg) && aud_renew_log(s->files, msg) &&
      connect(s, msg) && check_schema(s, !acked, msg) && look_at_the_end(s, acked, msg) &&
      prepare_all(s, msg) && aud_ident_check(s->files->db, &s->db_file, msg) &&
      aud_ident_take(s->files->wal, &s->wal_file, msg))
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
  aud_gather_close(s->gather);
  s->gather = NULL;
  s->log_pages = 0;
  free(s->revision);
  s->revision = NULL;
}

bool aud_store_log_full(const struct aud_store *s) {
  return s->db && s->log_pages >= LOG_PAGES;
}

bool aud_store_checkpoint(struct aud_store *s, struct aud_message *msg) {
  if (!aud_store_unmoved(s, msg)) return false;
  if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) !=
      SQLITE_OK)
    return aud_sql_say(s->db, s->files, "checkpoint", msg);
  s->log_pages =
      0; /* see_log counts anew, also when a reader kept the log from restarting */
  return true;
}

bool aud_store_settle(struct aud_store *s, struct aud_message *msg) {
  if (!aud_store_checkpoint(s, msg)) return false;
  (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  return true;
}

static bool step_done(struct aud_store *s, enum aud_stmt which, struct aud_message *msg) {
  int rc = sqlite3_step(s->stmt[which]);
  if (rc != SQLITE_DONE) (void)aud_sql_say(s->db, s->files, "write", msg);
  return sqlite3_reset(s->stmt[which]) == SQLITE_OK && rc == SQLITE_DONE;
}

bool aud_store_begin(struct aud_store *s, struct aud_message *msg) {
  s->next = s->head;
  return step_done(s, AUD_BEGIN, msg);
}

static bool run_revision(struct aud_store *s, enum aud_stmt which,
                         const struct aud_row *row, bool *ret_found,
                         struct aud_message *msg) {
  sqlite3_stmt *st = s->stmt[which];
  (void)sqlite3_bind_text(st, 1, row->text[AUD_COL(policy_revision)],
                          (int)row->len[AUD_COL(policy_revision)], SQLITE_STATIC);
  int rc = sqlite3_step(st);
  *ret_found = rc == SQLITE_ROW;
  if (*ret_found) s->revision_number = sqlite3_column_int64(st, 0);
  if (rc == SQLITE_ROW) rc = sqlite3_step(st); /* RETURNING writes in this step */
  if (rc != SQLITE_DONE && rc != SQLITE_ROW)
    (void)aud_sql_say(s->db, s->files, "revision", msg);
  (void)sqlite3_reset(st);
  return rc == SQLITE_DONE;
}

static bool find_revision(struct aud_store *s, const struct aud_row *row,
                          struct aud_message *msg) {
  size_t len = row->len[AUD_COL(policy_revision)];
  if (s->revision && strlen(s->revision) == len &&
      memcmp(s->revision, row->text[AUD_COL(policy_revision)], len) == 0)
    return true;
  bool found;
  if (!run_revision(s, AUD_REVISION_FIND, row, &found, msg)) return false;
  if (!found && !run_revision(s, AUD_REVISION_ADD, row, &found, msg)) return false;
  free(s->revision);
  /* NULL: the next row looks its revision up again */
  s->revision = strndup(row->text[AUD_COL(policy_revision)], len);
  return true;
}

static bool insert(struct aud_store *s, const struct aud_row *row,
                   struct aud_message *msg) {
  sqlite3_stmt *st = s->stmt[AUD_INSERT];
  (void)sqlite3_bind_int64(st, 1 + AUD_AT_SEQ, row->seq);
  for (int i = 0; i < AUD_COLS; i++)
    if (aud_columns[i].by_number)
      (void)sqlite3_bind_int64(st, 1 + AUD_AT(i), s->revision_number);
    else
      (void)sqlite3_bind_text(st, 1 + AUD_AT(i), row->text[i], (int)row->len[i],
                              SQLITE_STATIC);
  (void)sqlite3_bind_blob(st, 1 + AUD_AT_HASH, s->next.hash, AUD_HASH_LEN, SQLITE_STATIC);
  return step_done(s, AUD_INSERT, msg);
}

/* ---- what the clock did (query.h) ---- */

static bool note(struct aud_store *s, enum aud_stmt which, const struct aud_row *row,
                 struct aud_message *msg) {
  (void)sqlite3_bind_int64(s->stmt[which], 1, row->seq);
  if (which == AUD_NOTE_STEP)
    (void)sqlite3_bind_text(s->stmt[which], 2, row->text[AUD_COL(facts)],
                            (int)row->len[AUD_COL(facts)], SQLITE_STATIC);
  return step_done(s, which, msg);
}

static bool is_before(const char *time, const char *newest) {
  char text[AUD_TIME_LEN + 1];
  int64_t us = 0, newest_us = 0;
  memcpy(text, time, AUD_TIME_LEN);
  text[AUD_TIME_LEN] = '\0';
  return aud_time_parse(text, &us) && aud_time_parse(newest, &newest_us) &&
         us < newest_us - BACK_US;
}

static bool note_time(struct aud_store *s, const struct aud_row *row,
                      struct aud_message *msg) {
  const char *time = row->text[AUD_COL(time)];
  bool rises = memcmp(time, s->next.time, AUD_TIME_LEN) >= 0;
  bool back = !rises && is_before(time, s->next.time);
  if (rises || back) memcpy(s->next.time, time, AUD_TIME_LEN);
  return !back || note(s, AUD_NOTE_BACK, row, msg);
}

static bool is_clock(const struct aud_row *row) {
  return row->len[AUD_COL(kind)] == 5 &&
         memcmp(row->text[AUD_COL(kind)], "clock", 5) == 0;
}

bool aud_store_add(struct aud_store *s, struct aud_row *row, struct aud_message *msg) {
  row->seq = ++s->next.seq;
  if (!aud_chain_hash(s->chain, s->next.hash, row->seq, row->block, row->block_len,
                      s->next.hash))
    return aud_say(msg, "OpenSSL did not hash row %lld", (long long)row->seq);
  return find_revision(s, row, msg) && insert(s, row, msg) && note_time(s, row, msg) &&
         (!is_clock(row) || note(s, AUD_NOTE_STEP, row, msg));
}

bool aud_store_touch(struct aud_store *s, struct aud_message *msg) {
  char sql[48];
  (void)sqlite3_snprintf(sizeof sql, sql, "PRAGMA user_version = %d", AUD_SCHEMA_VERSION);
  return aud_sql_run(s->db, s->files, sql, msg);
}

bool aud_store_commit(struct aud_store *s, struct aud_message *msg) {
  if (!step_done(s, AUD_COMMIT, msg)) return false;
  s->head = s->next;
  return true;
}

bool aud_store_unmoved(struct aud_store *s, struct aud_message *msg) {
  return aud_ident_check(s->files->db, &s->db_file, msg) &&
         aud_ident_check(s->files->wal, &s->wal_file, msg);
}
