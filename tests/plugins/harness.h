/* harness.h - one plugin on real loops, for a test.
 *
 * Loads NAME.so from the build's plugin folder with the real loader, gives it options as
 * JSON text and a fresh state folder, runs init, and start on `workers` loops.  All loops
 * belong to the test's thread and are turned in rounds by harness_run_until, so a test is
 * as deterministic as the plugin; harness_threads runs them on a thread each.
 * Whatever takes longer than HARNESS_PATIENCE_MS fails the test: nothing waits for ever.
 *
 *   struct harness *h = harness_open("quota_local", "{}");
 *   struct harness_call c = {0};
 *   cg_quota_release(harness_drivers(h, 0), "unknown", harness_answered, &c);
 *   assert_int_equal(harness_wait(h, &c), CGP_OK);
 *   harness_close(h);
 *
 * Functions assert through cmocka: call them on the test's thread only.
 */
#ifndef TESTS_PLUGINS_HARNESS_H
#define TESTS_PLUGINS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include "plugin/columns.h"
#include "plugin/drivers.h"

#define HARNESS_PATIENCE_MS 10000
#define HARNESS_EVENTS_MAX  64

struct harness;

struct harness_config {
  const char *plugin, *options; /* options: a JSON object as text */
  const char *dir;              /* NULL: the build's plugins */
  const char *state_dir;        /* NULL: a fresh one, removed by harness_close */
  const char *conf_dir;         /* NULL: the state folder */
  uint32_t workers;             /* 0: one */
  const struct cg_clock *clock; /* NULL: the system's.  A test may advance a fake one */
  uint32_t deadline_ms;         /* of every kind; 0: 5000 */
};

/* Loads, inits, starts.  NULL and *err: what the plugin or the loader refused. */
struct harness *harness_try(const struct harness_config *config, struct cg_err *err);
/* The same, with one worker and the system's clock; a refusal fails the test. */
struct harness *harness_open(const char *plugin, const char *options);
void harness_close(struct harness *h); /* stop, fini, free; NULL is fine */

struct cg_drivers *harness_drivers(struct harness *h, uint32_t worker);
struct cg_loop *harness_loop(struct harness *h, uint32_t worker);
struct cg_plugins *harness_set(struct harness *h);
const char *harness_state_dir(struct harness *h);
/* A counter or gauge summed over the workers, by its name without "camgate_". */
int64_t harness_metric(struct harness *h, const char *name, const char *labels);
/* Everything logged so far, as JSON lines; valid until the next call. */
const char *harness_logged(struct harness *h);

/* Turn all loops until *flag, or fail the test. */
void harness_run_until(struct harness *h, const bool *flag);
/* Turn all loops for that long: only to show that something does NOT happen. */
void harness_run_ms(struct harness *h, uint32_t ms);

/* One call's answer.  Zero it; set `copy` to take what you need out of the result while
 * it is valid, or `to` and `to_size` for a flat struct. */
struct harness_call {
  bool done;
  int times; /* completions; more than one is the host's fault */
  enum cgp_code code;
  char text[256];
  void (*copy)(void *to, const void *result); /* runs when the code is CGP_OK */
  void *to;
  size_t to_size; /* without copy: this many bytes of the result are copied */
};
cg_call_fn harness_answered; /* arg: struct harness_call * */
/* Runs until c is done; returns its code. */
enum cgp_code harness_wait(struct harness *h, struct harness_call *c);

/* The quota's ops as plain functions: assert that the call itself succeeded. */
struct harness_verdict {
  bool granted;
  size_t rung;
  char scope[128];
  uint64_t limit, in_use;
};
struct harness_verdict harness_quota_reserve(struct harness *h, uint32_t worker,
                                             struct cgp_quota_reserve *req);
bool harness_quota_renew(struct harness *h, uint32_t worker, struct cgp_quota_hold *hold);
void harness_quota_release(struct harness *h, uint32_t worker,
                           const char *const *lease_ids, size_t n);
uint64_t harness_quota_usage(struct harness *h, uint32_t worker, const char *scope);
uint64_t harness_quota_sweep(struct harness *h, uint32_t worker);
void harness_quota_restore(struct harness *h, uint32_t worker,
                           struct cgp_quota_hold *holds, size_t n);

/* Appends; returns seq. */
int64_t harness_audit_append(struct harness *h, uint32_t worker,
                             struct cgp_audit_row *row);

/* One request to the plugin's routes.  headers: "Name: value", ends with NULL; may be
 * NULL.  Status 0: no such route.  body is copied, cut at its size. */
struct harness_reply {
  uint16_t status;
  char content_type[64], body[1024];
};
struct harness_reply harness_http(struct harness *h, uint32_t worker, const char *method,
                                  const char *path, const char *const *headers,
                                  const char *body);

/* health of the plugin; text (may be NULL) gets its words. */
bool harness_health(struct harness *h, uint32_t worker, char *text, size_t n);

/* What host->room_event or room_event_told reported, in order of arrival on any loop. */
struct harness_event {
  enum cgp_room_event_type type;
  char room[128], identity[64], sid[64], room_sid[64];
  int64_t at_us;
  uint32_t worker;
};
size_t harness_events(struct harness *h, const struct harness_event **ret);
/* Whoever waits for an event to be kept hears it at once, until a test holds what is
 * told from now on (at most HARNESS_HELD_MAX, on one worker), and lets it go. */
#define HARNESS_HELD_MAX 512
void harness_hold_events(struct harness *h);
void harness_let_events_go(struct harness *h, enum cgp_code code);

/* Runs every loop on a thread of its own: fn begins there, the thread ends when the
 * worker's loop is stopped by harness_thread_done (on that worker).  Returns when all
 * have ended.  fn must not assert: collect, and judge afterwards. */
void harness_threads(struct harness *h,
                     void (*fn)(struct harness *h, uint32_t worker, void *arg),
                     void *arg);
void harness_thread_done(struct harness *h, uint32_t worker);

#endif
