/* audit_sqlite: whatever is changed in the trail, `verify` finds it and names the first
 * bad row.
 *
 *   plugins_test_audit_changes [ROUNDS [SEED]]
 *
 * Each round makes one random change (delete, alter, reorder, cut, insert, one bit of the
 * file) to a whole trail, asks for the verdict, and puts the trail back. */
#include "audit_trail.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_sqlite/columns.h"
#include "base/hash.h"

#ifdef __SANITIZE_THREAD__
#define ROUNDS 50
#else
#define ROUNDS 300
#endif
#define ROWS 60

static int rounds_wanted = ROUNDS;
static uint64_t seed = 20261124;

static int64_t some(int64_t below) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (int64_t)(seed >> 33) % below;
}

/* ---- a trail, kept whole ---- */

struct original {
  struct trail t;
  unsigned char *file;
  size_t n;
  char said[65]; /* digest of all that is read from it */
};

static void write_back(const struct original *o, size_t n) {
  char path[128];
  FILE *f = fopen(o->t.db, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(o->file, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
  static const char *const suffixes[] = {"-wal", "-shm"};
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    (void)snprintf(path, sizeof path, "%s%s", o->t.db, suffixes[i]);
    (void)unlink(path);
  }
}

/* All rows as anybody reads them; false: SQLite cannot. */
static bool read_all(const char *db, char *out, size_t n) {
  sqlite3 *c;
  sqlite3_stmt *st = NULL;
  bool ok = sqlite3_open_v2(db, &c, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(c, "SELECT * FROM trail ORDER BY seq", -1, &st, NULL) ==
                SQLITE_OK;
  int rc = SQLITE_DONE;
  size_t rows = 0;
  struct cg_buf all;
  cg_buf_init(&all, 1 << 24);
  while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    rows++;
    for (int i = 0; i < sqlite3_column_count(st); i++) {
      const void *text = sqlite3_column_text(st, i);
      if (text) cg_buf_add(&all, text, (size_t)sqlite3_column_bytes(st, i) + 1);
    }
  }
  assert_true(cg_buf_ok(&all));
  (void)snprintf(out, n, "%zu %08x", rows, cg_hash(cg_buf_text(&all), all.len));
  cg_buf_done(&all);
  (void)sqlite3_finalize(st);
  (void)sqlite3_close(c);
  return ok && rc == SQLITE_DONE;
}

static void keep_original(struct original *o) {
  trail_paths_in_memory(&o->t);
  trail_open(&o->t, "{}", 1);
  add_many(&o->t, ROWS / 2);
  for (int i = ROWS / 2; i < ROWS; i++) {
    struct cgp_audit_row row = decision("", "deny", "eve", "gate-1");
    row.policy_revision = "revision-2";
    (void)add(&o->t, row);
  }
  trail_shut(&o->t);
  sql(o->t.db, "VACUUM");
  FILE *f = fopen(o->t.db, "rb");
  assert_non_null(f);
  assert_int_equal(fseek(f, 0, SEEK_END), 0);
  o->n = (size_t)ftell(f);
  rewind(f);
  o->file = malloc(o->n);
  assert_non_null(o->file);
  assert_int_equal(fread(o->file, 1, o->n, f), o->n);
  assert_int_equal(fclose(f), 0);
  assert_true(read_all(o->t.db, o->said, sizeof o->said));
  trail_open(&o->t, "{\"read_only\": true}", 1);
  assert_true(ask_verdict(&o->t).intact);
}

/* ---- changes; each returns the first bad row ---- */

#define NO_ROW  INT64_MIN /* none: what they lie in is bad */
#define UNKNOWN 0         /* SQLite alone knows */

#define STORED_TEXT(field)       #field ", "
#define STORED_OWN(field)        #field ", "
#define STORED_NUMBER(field)     "revision, "
#define STORED(field, kept, ...) STORED_##kept(field)
#define STORED_COLUMNS           AUD_COLUMNS(STORED) "hash"

static void change(struct original *o, const char *form, ...) {
  va_list ap;
  va_start(ap, form);
  char *text = sqlite3_vmprintf(form, ap);
  va_end(ap);
  sql(o->t.db, text);
  sqlite3_free(text);
}

static int64_t deletes(struct original *o) {
  int64_t a = 1 + some(ROWS), b = a + some(1 + ROWS - a);
  change(o, "DELETE FROM events WHERE seq BETWEEN %lld AND %lld", a, b);
  return a;
}

static int64_t cuts_the_end(struct original *o) {
  int64_t a = 1 + some(ROWS);
  change(o, "DELETE FROM events WHERE seq >= %lld", a);
  return a;
}

static int64_t alters_a_text(struct original *o) {
#define TEXT_TEXT(field) #field,
#define TEXT_OWN(field)  #field,
#define TEXT_NUMBER(field)
#define TEXT(field, kept, ...) TEXT_##kept(field)
  static const char *const columns[] = {AUD_COLUMNS(TEXT)};
  static const char *const forms[] = {
      "UPDATE events SET %s = %s || 'x' WHERE seq = %lld",
      "UPDATE events SET %s = ' ' || %s WHERE seq = %lld",
      "UPDATE events SET %s = CASE %s WHEN '' THEN 'y' ELSE '' END WHERE seq = %lld",
      "UPDATE events SET %s = CASE %s WHEN 'q' THEN 'Q' ELSE 'q' END WHERE seq = %lld",
  };
  const char *column = columns[some(sizeof columns / sizeof *columns)];
  int64_t a = 1 + some(ROWS);
  change(o, forms[some(sizeof forms / sizeof *forms)], column, column, a);
  return a;
}

/* The same letters, in the neighbouring column. */
static int64_t moves_a_letter(struct original *o) {
  int64_t a = 1 + some(ROWS);
  change(o,
         "UPDATE events SET subject = subject || substr(camera, 1, 1), camera = "
         "substr(camera, 2) WHERE seq = %lld",
         a);
  return a;
}

static int64_t alters_a_hash(struct original *o) {
  int64_t a = 1 + some(ROWS), at = 1 + some(32);
  change(o,
         "UPDATE events SET hash = CAST(substr(hash, 1, %lld) || CASE substr(hash, %lld, "
         "1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(hash, %lld) AS BLOB) WHERE "
         "seq = %lld",
         at - 1, at, at + 1, a);
  return a;
}

static int64_t alters_the_policies(struct original *o) {
  int64_t a = 1 + some(ROWS);
  switch (some(3)) {
  case 0: change(o, "UPDATE events SET revision = 0 WHERE seq = %lld", a); return a;
  case 1:
    change(o, "UPDATE revisions SET text = 'other' WHERE text = 'revision-1'");
    return 1;
  default:
    change(o, "UPDATE revisions SET text = 'other' WHERE text = 'revision-2'");
    return ROWS / 2 + 1;
  }
}

static int64_t swaps(struct original *o) {
  int64_t a = 1 + some(ROWS - 1), b = a + 1 + some(ROWS - a);
  change(o,
         "UPDATE events SET seq = -1 WHERE seq = %lld;"
         "UPDATE events SET seq = %lld WHERE seq = %lld;"
         "UPDATE events SET seq = %lld WHERE seq = -1",
         a, a, b, b);
  return a;
}

static int64_t turns_round(struct original *o) {
  int64_t a = 1 + some(ROWS - 1), b = a + 1 + some(ROWS - a);
  change(o,
         "UPDATE events SET seq = -seq WHERE seq BETWEEN %lld AND %lld;"
         "UPDATE events SET seq = %lld + seq WHERE seq < 0",
         a, b, a + b);
  return a;
}

/* A copy of a row, with its hash or another. */
static int64_t inserts(struct original *o) {
  int64_t a = 1 + some(ROWS), from = 1 + some(ROWS);
  switch (some(3)) {
  case 0: a = ROWS + 1; break;
  case 1: a = -1 - some(1000); break;
  default:
    change(o,
           "UPDATE events SET seq = -seq - 1 WHERE seq >= %lld;"
           "UPDATE events SET seq = -seq WHERE seq < 0",
           a);
    from = from < a ? from : from + 1;
  }
  change(o,
         "INSERT INTO events SELECT %lld, " STORED_COLUMNS
         " FROM events WHERE seq = %lld;"
         "UPDATE events SET %s WHERE seq = %lld",
         a, from, some(2) ? "hash = randomblob(32)" : "reason = reason || 'x'", a);
  return a;
}

static int64_t cuts_the_file(struct original *o) {
  write_back(o, (size_t)some((int64_t)o->n));
  return UNKNOWN;
}

static int64_t flips_a_bit(struct original *o) {
  size_t at = (size_t)some((int64_t)o->n);
  unsigned char bit = (unsigned char)(1 << some(8));
  o->file[at] ^= bit;
  write_back(o, o->n);
  o->file[at] ^= bit;
  return UNKNOWN;
}

/* Every row as it was. */
static int64_t alters_the_shape(struct original *o) {
  static const char *const forms[] = {
      "DROP VIEW denials",
      "DROP VIEW decisions; CREATE VIEW decisions AS SELECT * FROM events WHERE subject "
      "<> 'eve'",
      "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END",
      "CREATE TABLE zoo(animal)",
      "DROP INDEX events_lease",
      "DROP INDEX events_lease; CREATE INDEX events_lease ON events(lease_id)",
  };
  change(o, forms[some(sizeof forms / sizeof *forms)]);
  return NO_ROW;
}

static const struct {
  const char *name;
  int64_t (*make)(struct original *o);
} changes[] = {
    {"deletes", deletes},
    {"cuts the end", cuts_the_end},
    {"alters a text", alters_a_text},
    {"moves a letter", moves_a_letter},
    {"alters a hash", alters_a_hash},
    {"alters the policies", alters_the_policies},
    {"swaps", swaps},
    {"turns round", turns_round},
    {"inserts", inserts},
    {"alters the shape", alters_the_shape},
    {"cuts the file", cuts_the_file},
    {"flips a bit", flips_a_bit},
};

/* ---- the proof ---- */

struct found {
  bool intact;
  int64_t first_bad;
};

static void take(void *to, const void *result) {
  const struct cgp_audit_verdict *v = result;
  *(struct found *)to = (struct found){v->intact, v->first_bad_seq};
}

/* What cannot be read at all is no intact trail either. */
static struct found verdict(struct trail *t) {
  struct found found = {false, 0};
  struct harness_call c = {.copy = take, .to = &found};
  cg_audit_verify(harness_drivers(t->h, 0), harness_answered, &c);
  (void)harness_wait(t->h, &c);
  return found;
}

static bool one_round(struct original *o, int round) {
  char said[65] = "";
  size_t which = (size_t)some(sizeof changes / sizeof *changes);
  int64_t bad = changes[which].make(o);
  bool changed =
      bad != 0 || !read_all(o->t.db, said, sizeof said) || strcmp(said, o->said) != 0;
  struct found found = verdict(&o->t);
  int64_t named = bad == NO_ROW ? 0 : bad;
  if (changed && (found.intact || (bad != UNKNOWN && found.first_bad != named)))
    fail_msg("round %d, %s: row %lld is bad, found %lld", round, changes[which].name,
             (long long)bad, (long long)found.first_bad);
  write_back(o, o->n);
  return changed;
}

static void every_change_is_found(void **state) {
  (void)state;
  static struct original o;
  int changed = 0;
  keep_original(&o);
  for (int i = 0; i < rounds_wanted; i++) changed += one_round(&o, i);
  print_message("%d rounds, %d changed what is read, all found\n", rounds_wanted,
                changed);
  assert_true(changed > rounds_wanted / 2);
  assert_true(ask_verdict(&o.t).intact);
  trail_remove(&o.t);
  free(o.file);
}

int main(int argc, char **argv) {
  if (argc > 1) rounds_wanted = (int)strtol(argv[1], NULL, 10);
  if (argc > 2) seed = strtoull(argv[2], NULL, 10);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_change_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
