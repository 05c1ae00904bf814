#include "audit_trail.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void paths_in(struct trail *t, const char *folder) {
  t->h = NULL;
  t->clock = NULL;
  (void)snprintf(t->dir, sizeof t->dir, "%s/camgate-audit-XXXXXX", folder);
  assert_non_null(mkdtemp(t->dir));
  (void)snprintf(t->db, sizeof t->db, "%s/audit.db", t->dir);
  (void)snprintf(t->head, sizeof t->head, "%s.head", t->db);
}

void trail_paths(struct trail *t) {
  paths_in(t, "/tmp");
}

void trail_paths_in_memory(struct trail *t) {
  paths_in(t, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

struct harness *trail_try(struct trail *t, const char *options, uint32_t workers,
                          struct cg_err *err) {
  struct harness_config config = {.plugin = "audit_sqlite",
                                  .options = options,
                                  .state_dir = t->dir,
                                  .clock = t->clock,
                                  .workers = workers};
  return t->h = harness_try(&config, err);
}

void trail_open(struct trail *t, const char *options, uint32_t workers) {
  struct cg_err err = {.text = ""};
  if (!trail_try(t, options, workers, &err)) fail_msg("%s", err.text);
}

void trail_shut(struct trail *t) {
  harness_close(t->h);
  t->h = NULL;
}

void trail_remove(struct trail *t) {
  trail_shut(t);
  static const char *const suffixes[] = {"",      "-wal",  "-shm", "-journal",
                                         ".head", ".lock", ".away"};
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s%s", t->db, suffixes[i]);
    (void)unlink(path);
  }
  assert_int_equal(rmdir(t->dir), 0);
}

struct cgp_audit_row decision(const char *lease, const char *outcome, const char *subject,
                              const char *camera) {
  struct cgp_audit_row row = cg_row_blank("decision");
  row.lease_id = lease;
  row.outcome = outcome;
  row.subject = subject;
  row.camera = camera;
  row.quality = "high";
  row.policy_revision = "revision-1";
  return row;
}

struct cgp_audit_row of_lease(const char *kind, const char *lease, const char *outcome) {
  struct cgp_audit_row row = cg_row_blank(kind);
  row.lease_id = lease;
  row.outcome = outcome;
  return row;
}

int64_t add(struct trail *t, struct cgp_audit_row row) {
  return harness_audit_append(t->h, 0, &row);
}

void add_many(struct trail *t, int n) {
  for (int i = 0; i < n; i++)
    (void)add(t, decision("", i % 3 ? "allow" : "deny", i % 2 ? "alice" : "bob",
                          i % 5 ? "lobby-1" : "gate-2"));
}

enum cgp_code try_add(struct trail *t, char *text, size_t n) {
  struct cgp_audit_row row = cg_row_blank("admin");
  struct harness_call c = {0};
  cg_audit_append(harness_drivers(t->h, 0), &row, 1, harness_answered, &c);
  enum cgp_code code = harness_wait(t->h, &c);
  if (text) (void)snprintf(text, n, "%s", c.text);
  return code;
}

/* The writer opens the file anew by itself; appends tell when it has. */
void until_writable(struct trail *t) {
  for (int i = 0; i < 200; i++) {
    if (try_add(t, NULL, 0) == CGP_OK) return;
    harness_run_ms(t->h, 20);
  }
  fail_msg("not writable again");
}

static void see(void *to, const void *result) {
  const struct cgp_audit_rows *rows = result;
  struct seen *seen = to;
  *seen = (struct seen){.n = rows->n, .next = rows->next_seq};
  for (size_t i = 0; i < rows->n; i++) {
    seen->seqs[i] = rows->rows[i].seq;
    (void)snprintf(seen->kinds[i], sizeof seen->kinds[i], "%s", rows->rows[i].kind);
  }
  if (rows->n == 0) return;
  (void)snprintf(seen->prev, sizeof seen->prev, "%s", rows->rows[rows->n - 1].prev);
  (void)snprintf(seen->hash, sizeof seen->hash, "%s", rows->rows[0].hash);
}

struct cgp_audit_filter anything(uint32_t limit) {
  struct cgp_audit_filter f = cg_filter_blank();
  f.limit = limit;
  return f;
}

struct seen ask(struct trail *t, struct cgp_audit_filter f) {
  static const struct seen none;
  struct seen seen = none;
  struct harness_call c = {.copy = see, .to = &seen};
  cg_audit_query(harness_drivers(t->h, 0), &f, harness_answered, &c);
  assert_int_equal(harness_wait(t->h, &c), CGP_OK);
  return seen;
}

struct seen ask_live(struct trail *t) {
  struct seen seen = {0};
  struct harness_call c = {.copy = see, .to = &seen};
  cg_audit_live(harness_drivers(t->h, 0), harness_answered, &c);
  assert_int_equal(harness_wait(t->h, &c), CGP_OK);
  return seen;
}

struct cgp_audit_verdict ask_verdict(struct trail *t) {
  struct cgp_audit_verdict v = {0};
  struct harness_call c = {.to = &v, .to_size = sizeof v};
  cg_audit_verify(harness_drivers(t->h, 0), harness_answered, &c);
  assert_int_equal(harness_wait(t->h, &c), CGP_OK);
  v.text = NULL;
  return v;
}

void sql(const char *db, const char *text) {
  sqlite3 *c;
  assert_int_equal(sqlite3_open_v2(db, &c, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
  (void)sqlite3_exec(c, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
  if (sqlite3_exec(c, text, NULL, NULL, NULL) != SQLITE_OK)
    fail_msg("%s: %s", text, sqlite3_errmsg(c));
  assert_int_equal(sqlite3_close(c), SQLITE_OK);
}

void sql_text(const char *db, const char *query, char *out, size_t n) {
  sqlite3 *c;
  sqlite3_stmt *st;
  assert_int_equal(sqlite3_open_v2(db, &c, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  if (sqlite3_prepare_v2(c, query, -1, &st, NULL) != SQLITE_OK)
    fail_msg("%s: %s", query, sqlite3_errmsg(c));
  bool row = sqlite3_step(st) == SQLITE_ROW;
  const char *text = row ? (const char *)sqlite3_column_text(st, 0) : NULL;
  (void)snprintf(out, n, "%s", text ? text : "NULL");
  assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
  assert_int_equal(sqlite3_close(c), SQLITE_OK);
}

void assert_sql(const char *db, const char *query, const char *expected) {
  char text[256];
  sql_text(db, query, text, sizeof text);
  assert_string_equal(text, expected);
}
