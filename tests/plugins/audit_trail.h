/* audit_trail.h - a trail in a folder of its own, as a test opens, asks and tampers with
 * it.  Functions assert through cmocka. */
#ifndef TESTS_PLUGINS_AUDIT_TRAIL_H
#define TESTS_PLUGINS_AUDIT_TRAIL_H

#include "harness.h"

struct trail {
  struct harness *h;
  char dir[64], db[96], head[112];
  const struct cg_clock *clock; /* NULL: the system's; set before it is opened */
};

struct seen {
  size_t n;
  int64_t next, seqs[1000];
  char kinds[1000][16], prev[65], hash[65];
};

void trail_paths(struct trail *t);
void trail_paths_in_memory(struct trail *t); /* small, and whose syncs may be free */
struct harness *trail_try(struct trail *t, const char *options, uint32_t workers,
                          struct cg_err *err);
void trail_open(struct trail *t, const char *options, uint32_t workers);
void trail_shut(struct trail *t);
void trail_remove(struct trail *t);
struct cgp_audit_row decision(const char *lease, const char *outcome, const char *subject,
                              const char *camera);
struct cgp_audit_row of_lease(const char *kind, const char *lease, const char *outcome);
int64_t add(struct trail *t, struct cgp_audit_row row);
void add_many(struct trail *t, int n);
enum cgp_code try_add(struct trail *t, char *text, size_t n);
void until_writable(struct trail *t);
struct cgp_audit_filter anything(uint32_t limit);
struct seen ask(struct trail *t, struct cgp_audit_filter f);
struct seen ask_live(struct trail *t);
struct cgp_audit_verdict ask_verdict(struct trail *t);
void sql(const char *db, const char *text);
void sql_text(const char *db, const char *query, char *out, size_t n);
void assert_sql(const char *db, const char *query, const char *expected);

#endif
