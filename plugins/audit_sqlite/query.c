#include "query.h"

#include <string.h>

#include "stamp.h"

/* Columns that a filter may ask for, as struct cgp_audit_filter names them. */
#define ASKED(X)            X(kind) X(lease_id) X(subject) X(camera) X(outcome)
#define ASKED_COLUMN(field) ", e." #field
#define ASKED_TEXT(field)   f->field,
#define COLUMNS             "SELECT e.seq, e.time" ASKED(ASKED_COLUMN) " FROM "
#define SPARE_US            2000000 /* by which times go back within a run, and more */
#define RUNS_MAX            256     /* the newest; the others are looked through whole */
#define BETWEEN             " BETWEEN ?1 AND ?2 ORDER BY "

#define PAGE_BYTES ((size_t)8 << 20) /* a page that has so much takes no further row */

enum source { SCAN, LEASE, SUBJECT, CAMERA, BOTH };

static const char *const source_sql[] = {
    [SCAN] = COLUMNS "events e WHERE e.seq" BETWEEN "e.seq",
    [LEASE] = COLUMNS "events e INDEXED BY events_lease WHERE e.lease_id = ?3 AND "
                      "e.lease_id <> '' AND e.seq" BETWEEN "e.seq",
    [SUBJECT] = COLUMNS "by_subject s CROSS JOIN events e ON e.seq = s.seq WHERE "
                        "s.subject = ?4 AND s.seq" BETWEEN "s.seq",
    [CAMERA] = COLUMNS "by_camera c CROSS JOIN events e ON e.seq = c.seq WHERE "
                       "c.camera = ?5 AND c.seq" BETWEEN "c.seq",
    [BOTH] =
        COLUMNS "by_subject s CROSS JOIN by_camera c ON c.camera = ?5 AND c.seq = "
                "s.seq CROSS JOIN events e ON e.seq = s.seq WHERE s.subject = ?4 AND "
                "s.seq" BETWEEN "s.seq",
};

struct range {
  int64_t low, high;
};

struct search {
  sqlite3 *db;
  const struct cgp_audit_filter *f;
  struct aud_page *page;
  char since[AUD_TIME_LEN + 1], until[AUD_TIME_LEN + 1]; /* "" = any */
  int64_t starts[RUNS_MAX];                              /* of runs, newest first */
  int n_starts;
  int64_t visits, last_seq; /* where the next page goes on */
  bool full;                /* no more rows, or visits, in this page */
};

static int64_t number(sqlite3 *db, const char *sql, int64_t arg, int64_t otherwise) {
  sqlite3_stmt *st = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
      (sqlite3_bind_parameter_count(st) == 0 ||
       sqlite3_bind_int64(st, 1, arg) == SQLITE_OK) &&
      sqlite3_step(st) == SQLITE_ROW)
    otherwise = sqlite3_column_int64(st, 0);
  (void)sqlite3_finalize(st);
  return otherwise;
}

/* The first seq in the range whose time is not before `time`; high + 1 when none is. */
static int64_t first_since(sqlite3 *db, struct range r, const char *time) {
  sqlite3_stmt *st = NULL;
  const char *sql = "SELECT time < ?2 FROM events WHERE seq >= ?1 ORDER BY seq LIMIT 1";
  if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) return r.low;
  (void)sqlite3_bind_text(st, 2, time, -1, SQLITE_STATIC);
  int64_t low = r.low, high = r.high + 1;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    (void)sqlite3_bind_int64(st, 1, middle);
    bool before = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0);
    (void)sqlite3_reset(st);
    if (before)
      low = middle + 1;
    else
      high = middle;
  }
  (void)sqlite3_finalize(st);
  return low;
}

/* ---- times ---- */

static bool read_time(const char *text, char out[AUD_TIME_LEN + 1],
                      struct aud_message *msg) {
  int64_t us;
  if (!*text) return true;
  if (!aud_time_parse(text, &us))
    return aud_say(msg, "\"%.40s\" is not an RFC 3339 time", text);
  aud_time_format(us, out);
  return true;
}

static bool read_times(struct search *s, struct aud_message *msg) {
  return read_time(s->f->since, s->since, msg) && read_time(s->f->until, s->until, msg);
}

static bool in_time(const struct search *s, const char *time) {
  return (!*s->since || strcmp(time, s->since) >= 0) &&
         (!*s->until || strcmp(time, s->until) < 0);
}

static int64_t first_near(const struct search *s, struct range r, const char *time,
                          int64_t spare_us) {
  char moved[AUD_TIME_LEN + 1];
  int64_t us = 0;
  (void)aud_time_parse(time, &us);
  aud_time_format(us + spare_us, moved);
  return first_since(s->db, r, moved);
}

/* Of one run: nothing that it leaves out is in time. */
static struct range narrow(const struct search *s, struct range r) {
  struct range all = r;
  if (*s->since) r.low = first_near(s, all, s->since, -SPARE_US);
  if (*s->until) r.high = first_near(s, all, s->until, SPARE_US) - 1;
  return r;
}

/* ---- runs ---- */

static bool find_starts(struct search *s, struct range all) {
  static const char sql[] =
      "SELECT value FROM meta WHERE key > 'back ' AND key < 'back!' "
      "AND value > ?1 AND value <= ?2 ORDER BY key DESC";
  sqlite3_stmt *st = NULL;
  int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
  (void)sqlite3_bind_int64(st, 1, all.low);
  (void)sqlite3_bind_int64(st, 2, all.high);
  while (rc == SQLITE_OK && s->n_starts < RUNS_MAX && sqlite3_step(st) == SQLITE_ROW)
    s->starts[s->n_starts++] = sqlite3_column_int64(st, 0);
  return sqlite3_finalize(st) == SQLITE_OK && rc == SQLITE_OK;
}

/* The nth, from the newest on; n_starts is the oldest. */
static struct range run_of(const struct search *s, struct range all, int n) {
  struct range r = {n < s->n_starts ? s->starts[n] : all.low,
                    n > 0 ? s->starts[n - 1] - 1 : all.high};
  bool may_be_many = n == RUNS_MAX;
  return may_be_many ? r : narrow(s, r);
}

/* ---- rows ---- */

static struct range find_range(const struct search *s) {
  const struct cgp_audit_filter *f = s->f;
  struct range r = {number(s->db, "SELECT min(seq) FROM events", 0, 1),
                    number(s->db, "SELECT max(seq) FROM events", 0, 0)};
  if (f->after_seq > 0 && f->newest_first && f->after_seq - 1 < r.high)
    r.high = f->after_seq - 1;
  if (f->after_seq > 0 && !f->newest_first && f->after_seq >= r.low)
    r.low = f->after_seq < r.high ? f->after_seq + 1 : r.high + 1;
  return r;
}

static bool fits(const struct search *s, sqlite3_stmt *st) {
  const struct cgp_audit_filter *f = s->f;
  if (!in_time(s, (const char *)sqlite3_column_text(st, 1))) return false;
  const char *const wanted[] = {ASKED(ASKED_TEXT)};
  for (int i = 0; i < (int)(sizeof wanted / sizeof *wanted); i++) {
    if (!*wanted[i]) continue;
    size_t len = strlen(wanted[i]);
    const unsigned char *text = sqlite3_column_text(st, i + 2);
    if ((size_t)sqlite3_column_bytes(st, i + 2) != len ||
        memcmp(text, wanted[i], len) != 0)
      return false;
  }
  return true;
}

/* false: could not be read */
static bool visit(struct search *s, sqlite3_stmt *st) {
  int64_t seq = sqlite3_column_int64(st, 0);
  bool fit = fits(s, st);
  if (fit && (s->page->n >= s->f->limit || s->page->bytes >= PAGE_BYTES)) {
    s->full = true;
    return true;
  }
  s->last_seq = seq;
  s->full = ++s->visits >= AUD_VISITS;
  return !fit || aud_page_add(s->page, seq);
}

static bool search_range(struct search *s, enum source source, struct range r) {
  if (s->full || r.low > r.high) return true;
  char sql[512];
  sqlite3_stmt *st = NULL;
  (void)sqlite3_snprintf(sizeof sql, sql, "%s%s", source_sql[source],
                         s->f->newest_first ? " DESC" : "");
  if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK) return false;
  (void)sqlite3_bind_int64(st, 1, r.low);
  (void)sqlite3_bind_int64(st, 2, r.high);
  const char *const texts[] = {s->f->lease_id, s->f->subject, s->f->camera};
  for (int i = 0; i < 3 && i + 3 <= sqlite3_bind_parameter_count(st); i++)
    (void)sqlite3_bind_text(st, i + 3, texts[i], -1, SQLITE_STATIC);
  int rc = SQLITE_DONE;
  bool ok = true;
  while (ok && !s->full && (rc = sqlite3_step(st)) == SQLITE_ROW) ok = visit(s, st);
  (void)sqlite3_finalize(st);
  return ok && (rc == SQLITE_DONE || rc == SQLITE_ROW);
}

static enum source choose(const struct cgp_audit_filter *f) {
  if (*f->lease_id) return LEASE;
  if (*f->subject) return *f->camera ? BOTH : SUBJECT;
  return *f->camera ? CAMERA : SCAN;
}

static bool search_all(struct search *s, struct range r) {
  enum source source = choose(s->f);
  if (source == SCAN || source == LEASE) return search_range(s, source, r);
  int64_t mark =
      number(s->db, "SELECT value FROM meta WHERE key = 'indexed'", 0, r.low - 1);
  struct range old = {r.low, mark < r.high ? mark : r.high};
  struct range fresh = {mark >= r.low ? mark + 1 : r.low, r.high};
  return s->f->newest_first
             ? search_range(s, SCAN, fresh) && search_range(s, source, old)
             : search_range(s, source, old) && search_range(s, SCAN, fresh);
}

static bool search_runs(struct search *s, struct range all) {
  if (!*s->since && !*s->until) return search_all(s, all);
  bool ok = find_starts(s, all);
  for (int i = 0; ok && i <= s->n_starts; i++)
    ok = search_all(s, run_of(s, all, s->f->newest_first ? i : s->n_starts - i));
  return ok;
}

static enum cgp_code unreadable(sqlite3 *db, struct aud_message *msg) {
  (void)aud_say(msg, "the trail cannot be read: %s", sqlite3_errmsg(db));
  return CGP_E_UNAVAILABLE;
}

enum cgp_code aud_query(sqlite3 *db, const struct cgp_audit_filter *f,
                        struct aud_page *page, int64_t *ret_next,
                        struct aud_message *msg) {
  struct search s = {.db = db, .f = f, .page = page};
  if (!read_times(&s, msg)) return CGP_E_INVALID;
  if (!aud_page_open(page, db) ||
      sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
    return unreadable(db, msg);
  if (!search_runs(&s, find_range(&s))) return unreadable(db, msg);
  *ret_next = s.full ? s.last_seq : 0;
  aud_page_seal(page);
  return CGP_OK;
}
