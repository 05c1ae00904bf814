/* audit_sqlite: whichever call to the disk fails, no row is acknowledged that is not
 * there, none refused that is, no failed sync is tried again, and the trail recovers by
 * itself. */
#include "audit_trail.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vfs_shim.h"

#define SIDE_BY_SIDE 20 /* trails that recover at a time */
#ifdef __SANITIZE_THREAD__
#define EACH 5 /* the threads do the same whichever call fails */
#else
#define EACH 1
#endif

struct fault {
  enum shim_op op;
  int code;
  bool must_refuse; /* what is only read may have been read before */
};

static const struct fault faults[] = {
    {SHIM_WRITE, SQLITE_IOERR_WRITE, true}, {SHIM_WRITE, SQLITE_FULL, true},
    {SHIM_SYNC, SQLITE_IOERR_FSYNC, true},  {SHIM_READ, SQLITE_IOERR_READ, false},
    {SHIM_OPEN, SQLITE_CANTOPEN, true},     {SHIM_TRUNCATE, SQLITE_IOERR_TRUNCATE, false},
};

struct attempt {
  char name[24];
  struct shim *shim;
  struct trail t;
  const struct fault *fault;
  long nth;
  bool for_ever, large;
  int acknowledged, refused;
  long retried; /* before anything was acknowledged: SQLite making a new file */
};

/* ---- one workload ---- */

static void open_it(struct attempt *a, const char *name) {
  char options[64];
  struct cg_err err = {.text = ""};
  (void)snprintf(a->name, sizeof a->name, "%s", name);
  a->shim = shim_register(a->name);
  if (a->large)
    trail_paths(&a->t);
  else
    trail_paths_in_memory(&a->t);
  (void)snprintf(options, sizeof options, "{\"vfs\": \"%s\"}", a->name);
  if (a->fault) shim_fail(a->shim, a->fault->op, a->nth, a->for_ever, a->fault->code);
  if (trail_try(&a->t, options, 1, &err)) return;
  assert_non_null(strstr(err.text, "audit.db")); /* the start is refused in words */
  a->refused++;
  a->retried = shim_retried_syncs(a->shim);
  shim_heal(a->shim);
  trail_open(&a->t, options, 1);
}

static void add_one(struct attempt *a) {
  char words[256];
  bool ok = try_add(&a->t, words, sizeof words) == CGP_OK;
  a->acknowledged += ok;
  a->refused += !ok;
  if (!ok) assert_non_null(strstr(words, "audit.db"));
}

static void recover(struct attempt *a) {
  shim_heal(a->shim);
  until_writable(&a->t);
  a->acknowledged++;
  assert_true(harness_health(a->t.h, 0, NULL, 0));
  struct cgp_audit_verdict v = ask_verdict(&a->t);
  assert_true(v.intact);
  assert_int_equal(v.rows, a->acknowledged);
}

static void away(struct attempt *a) {
  trail_remove(&a->t);
  assert_int_equal(shim_retried_syncs(a->shim), a->retried);
  shim_unregister(a->shim);
}

/* ---- every call of a start and eight rows ---- */

#define ROWS 8

static long calls_without_fault(enum shim_op op) {
  struct attempt a = {0};
  open_it(&a, "sound");
  for (int i = 0; i < ROWS; i++) add_one(&a);
  long n = shim_count(a.shim, op);
  assert_int_equal(a.acknowledged, ROWS);
  away(&a);
  return n;
}

static void begin(struct attempt *a, int number) {
  char name[24];
  (void)snprintf(name, sizeof name, "faulty-%d", number);
  open_it(a, name);
  for (int i = 0; i < ROWS; i++) add_one(a);
  assert_true(shim_failures(a->shim) > 0);
  if (a->fault->must_refuse) assert_true(a->refused > 0);
  if (a->refused > 1 && a->for_ever) assert_false(harness_health(a->t.h, 0, NULL, 0));
}

static int run_side_by_side(struct attempt *attempts, int n) {
  for (int i = 0; i < n; i++) begin(&attempts[i], i);
  for (int i = 0; i < n; i++) shim_heal(attempts[i].shim);
  for (int i = 0; i < n; i++) recover(&attempts[i]);
  for (int i = 0; i < n; i++) away(&attempts[i]);
  return n;
}

static void survives_every_failing_call(void **state) {
  (void)state;
  for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
    static struct attempt attempts[SIDE_BY_SIDE];
    int waiting = 0, done = 0;
    long calls = calls_without_fault(faults[f].op);
    for (long i = 0; i < 2 * calls; i += EACH) {
      attempts[waiting++] =
          (struct attempt){.fault = &faults[f], .nth = 1 + i / 2, .for_ever = i % 2 == 1};
      if (waiting < SIDE_BY_SIDE && i + EACH < 2 * calls) continue;
      done += run_side_by_side(attempts, waiting);
      waiting = 0;
    }
    print_message("kind %d, code %d: %ld calls, %d failures\n", (int)faults[f].op,
                  faults[f].code, calls, done);
  }
}

/* ---- search tables, checkpoints, and the end ---- */

static void add_at_once(struct attempt *a, int n) {
  struct harness_call *calls = calloc((size_t)n, sizeof *calls);
  struct cgp_audit_row row = decision("", "deny", "alice", "lobby-1");
  assert_non_null(calls);
  for (int i = 0; i < n; i++)
    cg_audit_append(harness_drivers(a->t.h, 0), &row, 1, harness_answered, &calls[i]);
  for (int i = 0; i < n; i++) {
    bool ok = harness_wait(a->t.h, &calls[i]) == CGP_OK;
    a->acknowledged += ok;
    a->refused += !ok;
  }
  free(calls);
}

static void add_wide(struct attempt *a) {
  static char facts[200000];
  memset(facts, ' ', sizeof facts - 1);
  facts[0] = '{';
  facts[sizeof facts - 2] = '}';
  struct cgp_audit_row row = cg_row_blank("admin");
  row.facts = facts;
  struct harness_call c = {0};
  cg_audit_append(harness_drivers(a->t.h, 0), &row, 1, harness_answered, &c);
  bool ok = harness_wait(a->t.h, &c) == CGP_OK;
  a->acknowledged += ok;
  a->refused += !ok;
}

static bool filled_up_to(struct attempt *a, const char *rows) {
  char indexed[32];
  sql_text(a->t.db, "SELECT value FROM meta WHERE key = 'indexed'", indexed,
           sizeof indexed);
  return strcmp(indexed, rows) == 0;
}

/* 1,100 rows for the search tables, then wide ones until the log goes into the file. */
static void housekeeping(struct attempt *a) {
  enum { MANY = 1100, WIDE = 24 };
  add_at_once(a, MANY);
  for (int i = 0; i < 500 && !shim_failures(a->shim) && !filled_up_to(a, "1100"); i++)
    harness_run_ms(a->t.h, 10);
  for (int i = 0; i < WIDE; i++) add_wide(a);
  add_one(a);
}

static long count_housekeeping(enum shim_file file, enum shim_op op) {
  struct attempt a = {.large = true};
  open_it(&a, "sound");
  shim_aim(a.shim, file);
  housekeeping(&a);
  long n = shim_count(a.shim, op);
  assert_int_equal(a.refused, 0);
  away(&a);
  assert_true(n > 0);
  return n;
}

static void fail_housekeeping(struct attempt *a, enum shim_file file) {
  shim_aim(a->shim, file);
  shim_fail(a->shim, a->fault->op, a->nth, a->for_ever, a->fault->code);
  housekeeping(a);
  assert_true(shim_failures(a->shim) > 0);
  if (a->for_ever) assert_false(harness_health(a->t.h, 0, NULL, 0));
}

static void some_of(enum shim_file file, const struct fault *fault, int tries) {
  static struct attempt attempts[SIDE_BY_SIDE];
  long calls = count_housekeeping(file, fault->op);
  for (int i = 0; i < tries; i++) {
    char name[24];
    (void)snprintf(name, sizeof name, "faulty-%d", i);
    attempts[i] = (struct attempt){.large = true};
    open_it(&attempts[i], name);
    attempts[i].fault = fault;
    attempts[i].nth =
        1 + i * (calls * 3 / 5) / tries; /* batches differ from run to run */
    attempts[i].for_ever = i % 2 == 1;
    fail_housekeeping(&attempts[i], file);
  }
  for (int i = 0; i < tries; i++) shim_heal(attempts[i].shim);
  for (int i = 0; i < tries; i++) recover(&attempts[i]);
  for (int i = 0; i < tries; i++) away(&attempts[i]);
  print_message("file %d, kind %d: %ld calls, %d failures\n", (int)file, (int)fault->op,
                calls, tries);
}

static void survives_failing_housekeeping(void **state) {
  (void)state;
  some_of(SHIM_DB, &faults[0], 4);
  some_of(SHIM_DB, &faults[2], 4);
  some_of(SHIM_LOG, &faults[1], 8);
  some_of(SHIM_LOG, &faults[2], 8);
}

/* What the last checkpoint could not do, the next start finds in the log. */
static void fail_close(const struct fault *fault, long nth) {
  struct attempt a = {0};
  open_it(&a, "closing");
  for (int i = 0; i < ROWS; i++) add_one(&a);
  shim_fail(a.shim, fault->op, nth, true, fault->code);
  trail_shut(&a.t);
  assert_true(shim_failures(a.shim) > 0);
  shim_heal(a.shim);
  trail_open(&a.t, "{\"vfs\": \"closing\"}", 1);
  recover(&a);
  away(&a);
}

static long calls_of_close(enum shim_op op) {
  struct attempt a = {0};
  open_it(&a, "sound");
  for (int i = 0; i < ROWS; i++) add_one(&a);
  long before = shim_count(a.shim, op);
  trail_shut(&a.t);
  long n = shim_count(a.shim, op) - before;
  away(&a);
  return n;
}

static void survives_every_failing_call_of_the_close(void **state) {
  (void)state;
  for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
    long calls = calls_of_close(faults[f].op);
    for (long nth = 1; nth <= calls; nth++) fail_close(&faults[f], nth);
    print_message("kind %d, code %d: %ld calls\n", (int)faults[f].op, faults[f].code,
                  calls);
  }
}

/* ---- a start after a crash ---- */

static void copy_file(const struct trail *from, const struct trail *to,
                      const char *suffix) {
  char path[128], data[65536];
  (void)snprintf(path, sizeof path, "%s%s", from->db, suffix);
  FILE *in = fopen(path, "rb");
  (void)snprintf(path, sizeof path, "%s%s", to->db, suffix);
  FILE *out = fopen(path, "wb");
  assert_non_null(in);
  assert_non_null(out);
  for (size_t n; (n = fread(data, 1, sizeof data, in)) > 0;)
    assert_int_equal(fwrite(data, 1, n, out), n);
  assert_int_equal(fclose(in) + fclose(out), 0);
}

/* As kill -9 leaves it: rows in the log, and in no file. */
static void leave_as_after_a_crash(const struct trail *from, struct trail *to) {
  static const char *const suffixes[] = {"", "-wal", ".head"};
  trail_paths_in_memory(to);
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
    copy_file(from, to, suffixes[i]);
}

static long start_after_crash(const struct trail *from, const struct fault *fault,
                              long nth) {
  struct attempt a = {.shim = shim_register("starting"), .acknowledged = ROWS};
  struct cg_err err = {.text = ""};
  leave_as_after_a_crash(from, &a.t);
  if (nth > 0) shim_fail(a.shim, fault->op, nth, true, fault->code);
  if (!trail_try(&a.t, "{\"vfs\": \"starting\"}", 1, &err)) {
    assert_non_null(strstr(err.text, "audit.db"));
    shim_heal(a.shim);
    trail_open(&a.t, "{\"vfs\": \"starting\"}", 1);
  } else if (nth > 0) {
    assert_false(fault->must_refuse);
  }
  long calls = shim_count(a.shim, fault->op);
  recover(&a);
  away(&a);
  return calls;
}

static void survives_every_failing_call_of_a_start(void **state) {
  (void)state;
  struct trail t;
  trail_paths_in_memory(&t);
  trail_open(&t, "{}", 1);
  add_many(&t, ROWS);
  for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
    long calls = start_after_crash(&t, &faults[f], 0);
    for (long nth = 1; nth <= calls; nth++) (void)start_after_crash(&t, &faults[f], nth);
    print_message("kind %d, code %d: %ld calls\n", (int)faults[f].op, faults[f].code,
                  calls);
  }
  trail_remove(&t);
}

/* ---- it hangs ---- */

static void catch_one(struct trail *t, struct harness_call *c) {
  struct cgp_audit_row row = cg_row_blank("admin");
  *c = (struct harness_call){0};
  cg_audit_append(harness_drivers(t->h, 0), &row, 1, harness_answered, c);
}

static void a_hanging_sync_blocks_nobody_else(void **state) {
  (void)state;
  struct shim *shim = shim_register("hanging");
  struct trail t;
  struct harness_call caught;
  char words[256] = "";
  trail_paths_in_memory(&t);
  trail_open(&t, "{\"vfs\": \"hanging\"}", 1);
  add_many(&t, 3);
  shim_hold(shim);
  catch_one(&t, &caught);
  harness_run_ms(t.h, 1200);
  assert_false(caught.done);
  assert_int_equal(try_add(&t, words, sizeof words), CGP_E_UNAVAILABLE);
  assert_non_null(strstr(words, "hangs"));
  assert_false(harness_health(t.h, 0, NULL, 0));
  assert_int_equal(ask(&t, anything(10)).n, 3);
  shim_let_go(shim);
  assert_int_equal(harness_wait(t.h, &caught), CGP_OK);
  assert_int_equal(try_add(&t, NULL, 0), CGP_OK);
  trail_remove(&t);
  shim_unregister(shim);
}

/* The whole process. */
static void stand_still(useconds_t us) {
  pid_t me = getpid(), pid = fork();
  if (pid == 0) {
    kill(me, SIGSTOP);
    usleep(us);
    kill(me, SIGCONT);
    _exit(0);
  }
  assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_process_that_stood_still_does_not_blame_the_disk(void **state) {
  (void)state;
  struct shim *shim = shim_register("stopped");
  struct trail t;
  struct harness_call written, waits, new;
  trail_paths_in_memory(&t);
  trail_open(&t, "{\"vfs\": \"stopped\"}", 1);
  shim_hold(shim);
  catch_one(&t, &written);
  harness_run_ms(t.h, 50);
  catch_one(&t, &waits);
  harness_run_ms(t.h, 50);
  stand_still(1800000);
  catch_one(&t, &new);
  assert_false(new.done);
  shim_let_go(shim);
  assert_int_equal(harness_wait(t.h, &written), CGP_OK);
  assert_int_equal(harness_wait(t.h, &waits), CGP_OK);
  assert_int_equal(harness_wait(t.h, &new), CGP_OK);
  trail_remove(&t);
  shim_unregister(shim);
}

/* A checkpoint that hangs after the rows were acknowledged is seen as well. */
static void hanging_housekeeping_is_seen(void **state) {
  (void)state;
  struct attempt a = {0};
  open_it(&a, "hanging");
  add_at_once(&a, 1100);
  shim_hold(a.shim); /* the search tables are next */
  bool red = false;
  for (int i = 0; i < 1000 && !red; i++) {
    harness_run_ms(a.t.h, 10);
    red = !harness_health(a.t.h, 0, NULL, 0);
  }
  assert_true(red);
  assert_int_equal(try_add(&a.t, NULL, 0), CGP_E_UNAVAILABLE);
  shim_let_go(a.shim);
  recover(&a);
  away(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(survives_every_failing_call),
      cmocka_unit_test(survives_failing_housekeeping),
      cmocka_unit_test(survives_every_failing_call_of_the_close),
      cmocka_unit_test(survives_every_failing_call_of_a_start),
      cmocka_unit_test(a_hanging_sync_blocks_nobody_else),
      cmocka_unit_test(a_process_that_stood_still_does_not_blame_the_disk),
      cmocka_unit_test(hanging_housekeeping_is_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
