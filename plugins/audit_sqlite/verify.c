#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "schema_check.h"
#include "sql.h"

#define TAIL_ROWS  64
#define PIECE_ROWS 4096

struct scan {
  struct aud_chain *chain;
  sqlite3_stmt *rows; /* ?1 = first seq, ?2 = how many */
  struct aud_head at; /* the newest row that fits */
  char *block;
  size_t capacity;
};

static bool make_room(struct scan *s, size_t need) {
  if (need <= s->capacity) return true;
  char *grown = realloc(s->block, need * 2);
  if (!grown) return false;
  s->block = grown;
  s->capacity = need * 2;
  return true;
}

/* The row's texts as they were hashed; 0: not what the gate writes */
static size_t lay_out(struct scan *s) {
  size_t used = 0;
  for (int i = 0; i < AUD_COLS; i++) {
    if (sqlite3_column_type(s->rows, AUD_AT(i)) != SQLITE_TEXT) return 0;
    const unsigned char *text = sqlite3_column_text(s->rows, AUD_AT(i));
    size_t len = (size_t)sqlite3_column_bytes(s->rows, AUD_AT(i));
    if (!text || !make_room(s, used + len + AUD_LENGTH_LEN)) return 0;
    used = (size_t)(aud_chain_put(s->block + used, text, (uint32_t)len) - s->block);
  }
  return used;
}

static bool row_fits(struct scan *s, struct aud_message *msg) {
  int64_t seq = sqlite3_column_int64(s->rows, AUD_AT_SEQ);
  if (seq > s->at.seq + 1)
    return aud_say(msg, "row %lld is missing", (long long)s->at.seq + 1);
  if (seq <= s->at.seq) return aud_say(msg, "row %lld has no place", (long long)seq);
  unsigned char hash[AUD_HASH_LEN];
  size_t used = lay_out(s);
  const void *stored = sqlite3_column_blob(s->rows, AUD_AT_HASH);
  if (used == 0 || sqlite3_column_bytes(s->rows, AUD_AT_HASH) != AUD_HASH_LEN ||
      !stored || !aud_chain_hash(s->chain, s->at.hash, seq, s->block, used, hash) ||
      memcmp(hash, stored, AUD_HASH_LEN) != 0)
    return aud_say(msg, "row %lld does not fit its hash", (long long)seq);
  s->at.seq = seq;
  memcpy(s->at.hash, hash, AUD_HASH_LEN);
  (void)sqlite3_snprintf(
      sizeof s->at.time, s->at.time, "%s",
      (const char *)sqlite3_column_text(s->rows, AUD_AT(AUD_COL(time))));
  return true;
}

static bool scan_open(struct scan *s, sqlite3 *db, const struct aud_files *files,
                      struct aud_chain *chain, struct aud_message *msg) {
  *s = (struct scan){.chain = chain};
  const char *sql =
      AUD_SELECT_ROW " FROM events e WHERE e.seq >= ?1 ORDER BY e.seq LIMIT ?2";
  if (sqlite3_prepare_v2(db, sql, -1, &s->rows, NULL) == SQLITE_OK) return true;
  return aud_sql_say(db, files, "read", msg);
}

static void scan_close(struct scan *s) {
  (void)sqlite3_finalize(s->rows);
  free(s->block);
}

enum piece { PIECE_MORE, PIECE_LAST, PIECE_BAD, PIECE_UNREAD };

/* Up to `limit` rows from seq `first` on, each compared with the one before it. */
static enum piece scan_piece(struct scan *s, int64_t first, int limit, int64_t *ret_bad,
                             struct aud_message *msg) {
  (void)sqlite3_bind_int64(s->rows, 1, first);
  (void)sqlite3_bind_int(s->rows, 2, limit);
  enum piece result = PIECE_MORE;
  int n = 0, rc;
  while ((rc = sqlite3_step(s->rows)) == SQLITE_ROW) {
    int64_t seq = sqlite3_column_int64(s->rows, AUD_AT_SEQ);
    n++;
    if (row_fits(s, msg)) continue;
    *ret_bad = seq <= s->at.seq ? seq : s->at.seq + 1;
    result = PIECE_BAD;
    break;
  }
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) result = PIECE_UNREAD;
  if (result == PIECE_MORE && n < limit) result = PIECE_LAST;
  (void)sqlite3_reset(s->rows);
  return result;
}

static bool head_fits(const struct scan *s, const struct aud_head *head,
                      const unsigned char at_head[AUD_HASH_LEN], struct aud_verdict *v) {
  if (head->seq > s->at.seq) {
    v->first_bad = s->at.seq + 1;
    return aud_say(&v->msg, "the end is cut off: row %lld is missing, the head is %lld",
                   (long long)v->first_bad, (long long)head->seq);
  }
  if (head->seq > 0 && memcmp(at_head, head->hash, AUD_HASH_LEN) != 0) {
    v->first_bad = head->seq;
    return aud_say(&v->msg, "row %lld is not the one that the head file names",
                   (long long)head->seq);
  }
  return true;
}

static bool hash_of(sqlite3 *db, int64_t seq, unsigned char out[AUD_HASH_LEN]) {
  sqlite3_stmt *st = NULL;
  memset(out, 0, AUD_HASH_LEN);
  bool found = sqlite3_prepare_v2(db, "SELECT hash FROM events WHERE seq = ?1", -1, &st,
                                  NULL) == SQLITE_OK &&
               sqlite3_bind_int64(st, 1, seq) == SQLITE_OK &&
               sqlite3_step(st) == SQLITE_ROW &&
               sqlite3_column_bytes(st, 0) == AUD_HASH_LEN;
  if (found) memcpy(out, sqlite3_column_blob(st, 0), AUD_HASH_LEN);
  (void)sqlite3_finalize(st);
  return found;
}

static bool judge_end(sqlite3 *db, struct scan *s, const struct aud_head *head,
                      struct aud_verdict *v) {
  unsigned char at_head[AUD_HASH_LEN];
  (void)hash_of(db, head->seq, at_head);
  v->intact = head_fits(s, head, at_head, v) && aud_schema_check(db, &v->msg);
  char hex[2 * AUD_HASH_LEN + 1];
  aud_hex(s->at.hash, hex);
  if (v->intact)
    (void)aud_say(&v->msg, "%s%s", hex,
                  head->seq == 0 && s->at.seq > 0
                      ? "; no head file, so a cut end would not show"
                      : "");
  return true;
}

bool aud_verify_all(sqlite3 *db, const struct aud_files *files, struct aud_chain *chain,
                    struct aud_verdict *v) {
  struct scan s;
  struct aud_head head;
  *v = (struct aud_verdict){0};
  /* before any row: one written meanwhile could make the head newer than what is read */
  if (!aud_head_read(files, &head, &v->msg)) return true;
  bool read = scan_open(&s, db, files, chain, &v->msg);
  enum piece piece = read ? PIECE_MORE : PIECE_UNREAD;
  int64_t first = INT64_MIN;
  while (piece == PIECE_MORE) {
    piece = scan_piece(&s, first, PIECE_ROWS, &v->first_bad, &v->msg);
    first = s.at.seq + 1;
  }
  v->rows = s.at.seq;
  if (piece == PIECE_UNREAD && read) {
    v->first_bad = s.at.seq + 1;
    (void)aud_sql_say(db, files, "read", &v->msg);
    /* a page that SQLite itself calls malformed is a finding, not a failure */
    read = (sqlite3_errcode(db) & 0xff) == SQLITE_CORRUPT;
  }
  if (piece == PIECE_LAST) read = judge_end(db, &s, &head, v);
  scan_close(&s);
  return read;
}

static bool newest(sqlite3 *db, const struct aud_files *files, int64_t *ret,
                   struct aud_message *msg) {
  return aud_sql_number(db, files, "SELECT coalesce(max(seq), 0) FROM events", ret, msg);
}

static bool must_be_there(sqlite3 *db, const struct aud_files *files, int64_t last,
                          const struct aud_head *must, struct aud_message *msg) {
  unsigned char hash[AUD_HASH_LEN];
  if (must->seq == 0) return true;
  if (must->seq > last)
    return aud_say(msg, "%s ends with row %lld, but row %lld was acknowledged", files->db,
                   (long long)last, (long long)must->seq);
  if (hash_of(db, must->seq, hash) && memcmp(hash, must->hash, AUD_HASH_LEN) == 0)
    return true;
  return aud_say(msg, "%s: row %lld is not the one that was acknowledged", files->db,
                 (long long)must->seq);
}

bool aud_verify_tail(sqlite3 *db, const struct aud_files *files, struct aud_chain *chain,
                     const struct aud_head *must, bool exact, struct aud_head *ret_end,
                     struct aud_message *msg) {
  int64_t end;
  if (!newest(db, files, &end, msg) || !must_be_there(db, files, end, must, msg))
    return false;
  if (exact) end = must->seq;
  *ret_end = (struct aud_head){0};
  if (end == 0) return true;
  struct scan s;
  struct aud_message why = {""};
  int64_t first = end > TAIL_ROWS ? end - TAIL_ROWS + 1 : 1, bad = 0;
  bool ok = scan_open(&s, db, files, chain, msg);
  if (ok && first > 1) {
    s.at.seq = first - 1;
    (void)hash_of(db, first - 1, s.at.hash);
  }
  if (ok) {
    (void)scan_piece(&s, first, (int)(end - first + 1), &bad, &why);
    ok = s.at.seq == end || aud_say(msg, "%s: %s; run `camgate audit verify`", files->db,
                                    *why.text ? why.text : sqlite3_errmsg(db));
  }
  *ret_end = s.at;
  scan_close(&s);
  return ok;
}
