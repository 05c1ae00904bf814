/* stub.h - one plugin that serves every kind, and does what a test says.
 *
 * Each op counts its calls, writes a word about itself into `trace` and then does what
 * how[op] says, for times[op] calls (0: for all): NOW answers at once, FAIL fails with
 * `code`, WRONG does it and answers what cannot be read, HOLD keeps the call until the
 * test lets it go (stub_let_go, stub_let_fail), or for ever.  Rows of the trail become
 * durable when their append is answered well; stub_write makes those of a held append
 * durable before it is answered, or although it never is.
 */
#ifndef TEST_LEASE_STUB_H
#define TEST_LEASE_STUB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "plugin/drivers.h"
#include "plugin/host.h"

enum stub_op {
  STUB_GET,
  STUB_LIST,
  STUB_RESERVE,
  STUB_RENEW,
  STUB_RELEASE,
  STUB_USAGE,
  STUB_SWEEP,
  STUB_RESTORE,
  STUB_ENSURE,
  STUB_TOKEN,
  STUB_REMOVE,
  STUB_PEOPLE,
  STUB_ISSUE,
  STUB_APPEND,
  STUB_QUERY,
  STUB_LIVE,
  STUB_HEALTH,
  STUB_OPS
};

#define STUB_HELD_MAX  256
#define STUB_ROWS_MAX  131072
#define STUB_TRACE_MAX (1 << 22)

struct stub_row {
  char kind[16], lease_id[32], subject[64], camera[64], outcome[16], reason[160];
  char quality[16], quality_requested[16], *facts;
};

struct stub_held {
  enum stub_op op;
  struct cgp_call call;
  size_t first_row, n_rows; /* append: in `pending`; 0: they are durable */
  char asked[32], kind[16]; /* query: whose rows */
};

struct stub {
  struct cgp_host *host;
  enum stub_how { NOW, FAIL, WRONG, HOLD } how[STUB_OPS];
  unsigned times[STUB_OPS]; /* then NOW again */
  enum cgp_code code;       /* of failures */
  unsigned n[STUB_OPS];
  char trace[STUB_TRACE_MAX]; /* "get lobby-1\n" */
  size_t n_trace;

  size_t n_restored;           /* holdings, in all */
  bool full, unknown, missing; /* quota full; renewed lease unknown; no such camera */
  bool unwell;                 /* health */
  size_t rung;
  uint64_t in_use;
  const char *holder;           /* who holds the full scope; NULL: it does not say */
  int64_t priority;             /* of the newest reserve */
  struct cgp_audit_row live[8]; /* the answer to live, and to query if there are any */
  size_t n_live;
  struct cgp_audit_row told[8]; /* rows of joins and leaves, newest first, for query */
  size_t n_told;
  struct cgp_participant people[8]; /* the answer to every list of a room */
  size_t n_people;
  bool no_lists; /* the driver has none */
  uint32_t again_ms;

  struct stub_held held[STUB_HELD_MAX];
  size_t n_held;
  struct stub_row rows[STUB_ROWS_MAX], pending[STUB_ROWS_MAX]; /* rows: durable */
  size_t n_rows, n_pending;
};

/* What the loader would have opened; its self is a struct stub. */
extern const struct cgp_plugin stub_plugin;

/* The next `times` calls (0: all) go so. */
void stub_next(struct stub *s, enum stub_op op, enum stub_how how, unsigned times);
/* The oldest held call of that op ends, well or not; fails the test when there is none.
 * */
void stub_let_go(struct stub *s, enum stub_op op);
void stub_let_fail(struct stub *s, enum stub_op op, enum cgp_code code);
size_t stub_holds(const struct stub *s, enum stub_op op); /* calls */
/* The rows of the oldest held append that is not durable become so. */
void stub_write(struct stub *s);

/* Durable rows of that kind about that lease; "" = any. */
size_t stub_count(const struct stub *s, const char *kind, const char *id);
const struct stub_row *stub_last_row(const struct stub *s);
/* Lines of the trace that begin so. */
size_t stub_asked(const struct stub *s, const char *begin);
/* A row of the trail with nothing in it but this. */
struct cgp_audit_row stub_row(const char *kind, const char *lease_id);

#endif
