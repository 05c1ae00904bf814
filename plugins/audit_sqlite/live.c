/* Leases that were granted and have no end row, for a restart. */
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "stamp.h"

/* What the entries of the index say of one lease. */
struct lease {
  char id[64];
  int64_t newest; /* seq of its newest decision that allowed, or change */
  bool granted, ended;
};

struct found {
  int64_t *seqs;
  size_t n, capacity;
};

static bool add(struct found *found, int64_t seq) {
  if (found->n == found->capacity) {
    size_t more = found->capacity ? found->capacity * 2 : 256;
    int64_t *seqs = realloc(found->seqs, more * sizeof *seqs);
    if (!seqs) return false;
    found->seqs = seqs;
    found->capacity = more;
  }
  found->seqs[found->n++] = seq;
  return true;
}

static bool keep(struct found *found, struct lease *lease) {
  bool wanted = lease->granted && !lease->ended;
  int64_t seq = lease->newest;
  *lease = (struct lease){0};
  return !wanted || add(found, seq);
}

static void note(struct lease *lease, sqlite3_stmt *st) {
  const char *kind = (const char *)sqlite3_column_text(st, 1);
  const char *outcome = (const char *)sqlite3_column_text(st, 2);
  int64_t seq = sqlite3_column_int64(st, 3);
  bool change = strcmp(kind, "change") == 0;
  bool allow = strcmp(kind, "decision") == 0 && strcmp(outcome, "allow") == 0;
  lease->ended |= strcmp(kind, "end") == 0;
  lease->granted |= allow;
  if ((allow || change) && seq > lease->newest) lease->newest = seq;
}

static bool find(sqlite3 *db, int64_t oldest_us, struct found *found) {
  static const char sql[] =
      "SELECT lease_id, kind, outcome, seq FROM events INDEXED BY events_lease WHERE "
      "lease_id <> '' AND lease_id >= ?1 ORDER BY lease_id";
  sqlite3_stmt *st = NULL;
  char oldest[AUD_ID_LEN + 1];
  aud_id_format(oldest_us, 0, oldest);
  oldest[14] = '\0';
  if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) return false;
  (void)sqlite3_bind_text(st, 1, oldest, -1, SQLITE_STATIC);
  struct lease lease = {0};
  int rc;
  bool ok = true;
  while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    const char *id = (const char *)sqlite3_column_text(st, 0);
    if (strncmp(id, lease.id, sizeof lease.id - 1) != 0) {
      ok = keep(found, &lease);
      (void)sqlite3_snprintf(sizeof lease.id, lease.id, "%s", id);
    }
    note(&lease, st);
  }
  (void)sqlite3_finalize(st);
  return ok && rc == SQLITE_DONE && keep(found, &lease);
}

/* ---- what the clock did ---- */

/* How far the clock is ahead of the furthest that it was behind, along the trail. */
static bool read_steps(sqlite3 *db, int64_t *ret_ahead_us) {
  static const char sql[] =
      "SELECT value FROM meta WHERE key > 'step ' AND key < 'step!' ORDER BY key";
  sqlite3_stmt *st = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) return false;
  int64_t is_ms = 0, least_ms = 0;
  while (sqlite3_step(st) == SQLITE_ROW) {
    is_ms += sqlite3_column_int64(st, 0);
    if (is_ms < least_ms) least_ms = is_ms;
  }
  *ret_ahead_us = (is_ms - least_ms) * 1000;
  return sqlite3_finalize(st) == SQLITE_OK;
}

/* That of the newest row; now, without one. */
static int64_t newest_us(sqlite3 *db, int64_t now_us) {
  static const char sql[] = "SELECT time FROM events ORDER BY seq DESC LIMIT 1";
  sqlite3_stmt *st = NULL;
  int64_t us = now_us;
  if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
      sqlite3_step(st) == SQLITE_ROW &&
      !aud_time_parse((const char *)sqlite3_column_text(st, 0), &us))
    us = now_us;
  (void)sqlite3_finalize(st);
  return us;
}

static bool find_oldest(sqlite3 *db, int64_t now_us, int64_t lease_us, int64_t *ret_us) {
  int64_t ahead_us = 0, newest = newest_us(db, now_us);
  if (!read_steps(db, &ahead_us)) return false;
  *ret_us = (newest < now_us ? newest : now_us) - lease_us - ahead_us;
  if (*ret_us < 0) *ret_us = 0;
  return true;
}

static bool find_clock_rows(sqlite3 *db, struct found *found) {
  static const char sql[] = "SELECT e.seq FROM meta m JOIN events e ON e.seq = "
                            "CAST(substr(m.key, 6) AS INTEGER) WHERE m.key > "
                            "printf('step %019d', ?1) AND m.key < 'step!'";
  int64_t oldest = INT64_MAX;
  for (size_t i = 0; i < found->n; i++)
    if (found->seqs[i] < oldest) oldest = found->seqs[i];
  if (found->n == 0) return true;
  sqlite3_stmt *st = NULL;
  bool ok = sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK;
  (void)sqlite3_bind_int64(st, 1, oldest);
  while (ok && sqlite3_step(st) == SQLITE_ROW)
    ok = add(found, sqlite3_column_int64(st, 0));
  return sqlite3_finalize(st) == SQLITE_OK && ok;
}

static int by_number(const void *a, const void *b) {
  const int64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

enum cgp_code aud_live(sqlite3 *db, int64_t now_us, int64_t lease_us,
                       struct aud_page *page, struct aud_message *msg) {
  struct found found = {0};
  int64_t oldest_us;
  bool ok = aud_page_open(page, db) &&
            sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK &&
            find_oldest(db, now_us, lease_us, &oldest_us) &&
            find(db, oldest_us, &found) && find_clock_rows(db, &found);
  if (ok && found.n > 0) qsort(found.seqs, found.n, sizeof *found.seqs, by_number);
  for (size_t i = 0; ok && i < found.n; i++) ok = aud_page_add(page, found.seqs[i]);
  free(found.seqs);
  if (!ok) (void)aud_say(msg, "the trail cannot be read: %s", sqlite3_errmsg(db));
  aud_page_seal(page);
  return ok ? CGP_OK : CGP_E_UNAVAILABLE;
}
