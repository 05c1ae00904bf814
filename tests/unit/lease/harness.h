/* harness.h - one worker's lease service as it runs, on stub drivers and a fake clock.
 *
 *   struct harness h;
 *   harness_open(&h, "return allow{ scopes = { scope('user:alice', 2) } }");
 *   h.stub->how[STUB_APPEND] = HOLD;
 *   harness_pass(&h, 3 * SECOND); time goes by, and what is due happens
 *   harness_close(&h);
 *
 * The policy is one file whose decide has that body.  Everything runs on the test's
 * thread; harness_run turns the loop until nothing is left to do now.
 */
#ifndef TEST_LEASE_HARNESS_H
#define TEST_LEASE_HARNESS_H

#include <fcntl.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/mem.h"
#include "lease/end.h"
#include "lease/gap.h"
#include "lease/open.h"
#include "lease/stub.h"
#include "policy/folder.h"

#define SECOND         INT64_C(1000000)
#define HARNESS_SECRET "0123456789abcdef0123456789abcdef"
#define HARNESS_NOW    (INT64_C(1795437000) * SECOND) /* Monday 2026-11-23, 12:30 UTC */

struct harness {
  struct cg_clock clock;
  struct cg_teller teller;
  struct cg_loop *loop;
  FILE *logged; /* the log's lines */
  struct cg_log *log;
  struct cg_metrics *metrics;
  struct cg_lease_metrics metric;
  struct cg_lease_conf conf;
  struct cg_plugins_env env;
  struct cg_plugin plugin;
  struct cg_plugins set;
  struct stub *stub;
  struct cg_service service, *peers[1];
};

/* Rooms are not listed, until a test says h->stub->no_lists = false before its first
 * lease. */
void harness_open(struct harness *h, const char *policy);
void harness_close(struct harness *h); /* as a worker ends */

uint64_t harness_calls(const struct harness *h); /* of the stub, so far */
/* Turns of the loop until some in a row asked nothing of the stub. */
void harness_run(struct harness *h);
/* In small steps, so that what is due on the way happens on the way. */
void harness_pass(struct harness *h, int64_t us);

/* A policy of one file; the caller's reference. */
struct cg_policy *harness_policy(const struct harness *h, const char *body);
/* An active lease of the top tier, watched, without a row; no reference. */
struct cg_lease *harness_lease(struct harness *h, const char *subject,
                               const char *camera);
/* Lines logged so far that hold the text. */
size_t harness_lines(struct harness *h, const char *text);

#endif
