/* audit_sqlite: whenever the power goes, no acknowledged row is lost.
 *
 *   plugins_test_audit_power [IMAGES [SEED]]
 *
 * One trail is written with everything that a gate does to it: commits of all sizes,
 * search tables, checkpoints, a failed sync and a failed write, a clean restart.  Then
 * disks as a power cut may leave them (disk_log.h) are made, each opened by the plugin:
 * the chain must be intact, every row acknowledged before the cut there, every group
 * whole, and rows taken again. */
#include "audit_trail.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_log.h"

#ifdef __SANITIZE_THREAD__
#define IMAGES 10
#else
#define IMAGES 60
#endif
#define OPTIONS "{\"vfs\": \"watched\"}"

static size_t images_wanted = IMAGES;
static uint64_t seed = 20261124;

static uint32_t some(uint32_t below) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % below;
}

/* ---- the workload ---- */

#define GROUP 8

struct flight {
  struct harness_call call;
  int64_t seq;
  int n; /* rows */
};

static void take_seq(void *to, const void *result) {
  *(int64_t *)to = ((const struct cgp_audit_appended *)result)->seq;
}

/* Returns how many rows were acknowledged. */
static int land(struct trail *t, struct disk_log *log, struct flight *f) {
  if (harness_wait(t->h, &f->call) != CGP_OK) return 0;
  disk_log_acknowledged(log, f->seq);
  return f->n;
}

/* One row or a group, each of whose rows says NUMBER/ROWS as its reason. */
static void take_off(struct trail *t, struct flight *f) {
  static int number;
  static char facts[6000];
  char reason[32];
  struct cgp_audit_row rows[GROUP];
  memset(facts, ' ', sizeof facts - 1);
  memcpy(facts, "{}", 2);
  facts[2 + some(sizeof facts - 2)] = '\0';
  *f = (struct flight){.call = {.copy = take_seq, .to = &f->seq},
                       .n = some(4) ? 1 : 2 + (int)some(GROUP - 1)};
  (void)snprintf(reason, sizeof reason, "%d/%d", ++number, f->n);
  for (int i = 0; i < f->n; i++) {
    rows[i] = decision("", "deny", some(2) ? "alice" : "bob", "lobby-1");
    rows[i].reason = reason;
    rows[i].facts = facts;
  }
  cg_audit_append(harness_drivers(t->h, 0), rows, (size_t)f->n, harness_answered,
                  &f->call);
}

/* Up to 8 appends under way at a time; returns how many rows were acknowledged. */
static int write_rows(struct trail *t, struct disk_log *log, int n) {
  struct flight flights[8];
  int under_way = 0, durable = 0;
  for (int i = 0; i < n || under_way > 0;) {
    int more = i < n ? 1 + (int)some(8) : 0;
    for (; under_way < more && i < n; i++) take_off(t, &flights[under_way++]);
    for (; under_way > 0; under_way--) durable += land(t, log, &flights[under_way - 1]);
  }
  return durable;
}

static void until_indexed(struct trail *t) {
  char behind[32] = "";
  for (int i = 0; i < 1000 && strcmp(behind, "0") != 0; i++) {
    harness_run_ms(t->h, 10);
    sql_text(t->db,
             "SELECT (SELECT max(seq) FROM events) - (SELECT value FROM meta WHERE key = "
             "'indexed')",
             behind, sizeof behind);
  }
  assert_string_equal(behind, "0");
}

static void fail_once(struct trail *t, struct disk_log *log, struct shim *shim,
                      enum shim_op op, int code) {
  long failures = shim_failures(shim);
  shim_fail(shim, op, 1, false, code);
  while (shim_failures(shim) == failures) (void)write_rows(t, log, 8);
  until_writable(t);
}

static int live_a_life(struct trail *t, struct disk_log *log, struct shim *shim) {
  int durable = write_rows(t, log, 200);
  trail_shut(t);
  trail_open(t, OPTIONS, 1);
  durable += write_rows(t, log, 1200);
  until_indexed(t);
  durable += write_rows(t, log, 200);
  for (int i = 0; i < 3; i++) {
    fail_once(t, log, shim, SHIM_SYNC, SQLITE_IOERR_FSYNC);
    durable += write_rows(t, log, 30);
    fail_once(t, log, shim, SHIM_WRITE, SQLITE_FULL);
    durable += write_rows(t, log, 300);
  }
  return durable;
}

/* ---- the images ---- */

static void hash_at(const char *db, int64_t seq, char out[80]) {
  char query[128];
  (void)snprintf(query, sizeof query, "SELECT hex(hash) FROM events WHERE seq = %lld",
                 (long long)seq);
  sql_text(db, query, out, 80);
}

static void open_image(const struct trail *original, struct disk_log *log, size_t upto,
                       size_t number, struct disk_image *ret) {
  struct trail t;
  struct cg_err err = {.text = ""};
  trail_paths_in_memory(&t);
  *ret = disk_log_image(log, upto, seed + number, t.db);
  if (!trail_try(&t, "{}", 1, &err))
    fail_msg("image %zu, %zu events: %s", number, upto, err.text);
  struct cgp_audit_verdict v = ask_verdict(&t);
  if (!v.intact || v.rows < ret->acknowledged)
    fail_msg("image %zu, %zu events: %lld rows, bad %lld; %lld were acknowledged", number,
             upto, (long long)v.rows, (long long)v.first_bad_seq,
             (long long)ret->acknowledged);
  if (ret->acknowledged > 0) {
    char there[80], here[80];
    hash_at(original->db, ret->acknowledged, there);
    hash_at(t.db, ret->acknowledged, here);
    assert_string_equal(here, there);
  }
  assert_sql(
      t.db,
      "SELECT count(*) FROM (SELECT 1 FROM events WHERE reason LIKE '%/%' GROUP BY "
      "reason HAVING count(*) <> CAST(substr(reason, instr(reason, '/') + 1) AS "
      "INT))",
      "0");
  assert_int_equal(try_add(&t, NULL, 0), CGP_OK);
  assert_int_equal(ask_verdict(&t).rows, v.rows + 1);
  trail_remove(&t);
}

static void no_acknowledged_row_is_lost(void **state) {
  (void)state;
  struct shim *shim = shim_register("watched");
  struct trail t;
  trail_paths_in_memory(&t);
  struct disk_log *log = disk_log_start(shim, t.head);
  trail_open(&t, OPTIONS, 1);
  int durable = live_a_life(&t, log, shim);
  trail_shut(&t);
  size_t events = disk_log_events(log), bytes = 0, lost = 0;
  for (size_t i = 0; i < images_wanted; i++) {
    struct disk_image image;
    open_image(&t, log, i == 0 ? events : some((uint32_t)events), i, &image);
    bytes += image.bytes;
    lost += image.lost;
  }
  print_message("%d rows acknowledged, %zu events, %ld syncs, %zu images: %zu of %zu MB "
                "of unsynced sectors left out, 0 rows lost\n",
                durable, events, shim_count(shim, SHIM_SYNC), images_wanted, lost >> 20,
                bytes >> 20);
  assert_true(lost > 0);
  trail_remove(&t);
  disk_log_free(log);
  shim_unregister(shim);
}

int main(int argc, char **argv) {
  if (argc > 1) images_wanted = (size_t)strtoul(argv[1], NULL, 10);
  if (argc > 2) seed = strtoull(argv[2], NULL, 10);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_acknowledged_row_is_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
