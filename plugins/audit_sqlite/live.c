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

static bool keep(struct found *found, struct lease *lease) {
  bool wanted = lease->granted && !lease->ended;
  int64_t seq = lease->newest;
  *lease = (struct lease){0};
  if (!wanted) return true;
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

static int by_number(const void *a, const void *b) {
  const int64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

enum cgp_code aud_live(sqlite3 *db, int64_t oldest_us, struct aud_page *page,
                       struct aud_message *msg) {
  struct found found = {0};
  bool ok = aud_page_open(page, db) &&
            sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK &&
            find(db, oldest_us > 0 ? oldest_us : 0, &found);
  if (ok && found.n > 0) qsort(found.seqs, found.n, sizeof *found.seqs, by_number);
  for (size_t i = 0; ok && i < found.n; i++) ok = aud_page_add(page, found.seqs[i]);
  free(found.seqs);
  if (!ok) (void)aud_say(msg, "the trail cannot be read: %s", sqlite3_errmsg(db));
  aud_page_seal(page);
  return ok ? CGP_OK : CGP_E_UNAVAILABLE;
}
