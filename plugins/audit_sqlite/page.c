#include "page.h"

#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "columns.h"

#define HEX_LEN (2 * AUD_HASH_LEN + 1)

bool aud_page_open(struct aud_page *p, sqlite3 *db) {
  static const char sql[] =
      AUD_SELECT_ROW ", CASE WHEN ?2 THEN (SELECT p.hash FROM events p WHERE "
                     "p.seq = e.seq - 1) END "
                     "FROM events e WHERE e.seq = ?1";
  *p = (struct aud_page){0};
  return sqlite3_prepare_v2(db, sql, -1, &p->fetch, NULL) == SQLITE_OK;
}

static bool make_room(struct aud_page *p) {
  if (p->n < p->capacity) return true;
  size_t more = p->capacity ? p->capacity * 2 : 64;
  struct cgp_audit_row *rows = realloc(p->rows, more * sizeof *rows);
  if (rows) p->rows = rows;
  char **texts = realloc(p->texts, more * sizeof *texts);
  if (texts) p->texts = texts;
  if (rows && texts) p->capacity = more;
  return rows && texts;
}

static void put_hash(sqlite3_stmt *st, int col, char out[HEX_LEN]) {
  unsigned char hash[AUD_HASH_LEN] = {0};
  const void *blob = sqlite3_column_blob(st, col);
  if (blob && sqlite3_column_bytes(st, col) == AUD_HASH_LEN)
    memcpy(hash, blob, sizeof hash);
  aud_hex(hash, out);
}

/* Rows next to each other need no look-up of the hash before. */
static bool follows(const struct aud_page *p, int64_t seq) {
  return p->n > 0 && p->rows[p->n - 1].seq == seq - 1;
}

/* A NUL, which would end it for all who read it, becomes another byte that is not UTF-8:
 * the gate gives U+FFFD for each. */
static void put_text(char *to, const void *text, size_t len) {
  memcpy(to, text, len);
  for (char *nul; (nul = memchr(to, '\0', len));) *nul = '\xff';
}

static bool take_row(struct aud_page *p) {
  size_t need = 2 * HEX_LEN;
  for (int i = 0; i < AUD_COLS; i++)
    need += (size_t)sqlite3_column_bytes(p->fetch, AUD_AT(i)) + 1;
  char *at = malloc(need);
  if (!at || !make_room(p)) {
    free(at);
    return false;
  }
  struct cgp_audit_row *row = &p->rows[p->n];
  int64_t seq = sqlite3_column_int64(p->fetch, AUD_AT_SEQ);
  put_hash(p->fetch, AUD_AT_HASH, at);
  if (follows(p, seq))
    memcpy(at + HEX_LEN, row[-1].hash, HEX_LEN);
  else
    put_hash(p->fetch, AUD_AT_FURTHER, at + HEX_LEN);
  p->texts[p->n++] = at;
  p->bytes += need;
  *row = (struct cgp_audit_row){.size = sizeof *row, .seq = seq};
  row->hash = at;
  row->prev = at + HEX_LEN;
  at += 2 * HEX_LEN;
  for (int i = 0; i < AUD_COLS; i++) {
    size_t len = (size_t)sqlite3_column_bytes(p->fetch, AUD_AT(i));
    if (len > 0) put_text(at, sqlite3_column_blob(p->fetch, AUD_AT(i)), len);
    at[len] = '\0';
    aud_column_set(row, i, at);
    at += len + 1;
  }
  return true;
}

bool aud_page_add(struct aud_page *p, int64_t seq) {
  (void)sqlite3_bind_int64(p->fetch, 1, seq);
  (void)sqlite3_bind_int(p->fetch, 2, !follows(p, seq));
  int rc = sqlite3_step(p->fetch);
  bool ok = rc == SQLITE_DONE || (rc == SQLITE_ROW && take_row(p));
  (void)sqlite3_reset(p->fetch);
  return ok;
}

void aud_page_seal(struct aud_page *p) {
  (void)sqlite3_finalize(p->fetch);
  p->fetch = NULL;
}

void aud_page_free(struct aud_page *p) {
  aud_page_seal(p);
  for (size_t i = 0; i < p->n; i++) free(p->texts[i]);
  free(p->texts);
  free(p->rows);
}
