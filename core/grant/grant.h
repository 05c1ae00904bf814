/* grant.h - one grant: what came in, what goes out, and how far its walk has come.
 *
 * A grant walks a static table of steps (operations.c, the story) from authentication to
 * the audit row; walk.h starts it.  It begins on the worker that has the connection
 * (origin) and runs its steps on the worker where the subject's leases live (home).
 *
 * Memory: the struct and what the caller puts into `in` live in the caller's arena until
 * the caller's function has run; what the steps make lives in the grant's own arena and
 * dies after the function has run.  Origin's thread touches neither in between.
 */
#ifndef CG_GRANT_GRANT_H
#define CG_GRANT_GRANT_H

#include "base/trace.h"
#include "lease/gap.h"
#include "lease/service.h"

enum cg_op { CG_RESERVE, CG_HEARTBEAT, CG_RELEASE, CG_TOKEN, CG_EXPLAIN, CG_OPS };

/* What is asked.  Strings never NULL, "" = not given. */
struct cg_grant_in {
  enum cg_op op;
  const char *authorization; /* the header's value, or NULL */
  const char *request_id, *client_addr;
  struct cg_trace trace;     /* "" = none */
  const char *camera;        /* reserve, token, explain */
  const char *lease_id;      /* heartbeat, release; a valid id (cg_id_valid) */
  int quality;               /* tier or CG_TIER_NONE */
  const char *purpose, *key; /* key: Idempotency-Key */
  int64_t ttl_s;             /* 0 = not given */
  struct cg_strings replace; /* lease ids of the caller's */
};

/* What it came to.  Strings never NULL but where it says so, "" = none. */
struct cg_grant_out {
  struct cg_err err; /* CG_OK: granted, or done */
  const char *decision_id;
  const char *rule, *reason; /* of a refusal */
  const char *scope;         /* quota full: which */
  uint64_t limit, in_use;
  struct cg_strings conflicts;      /* the caller's leases that hold that scope */
  struct cg_strings why;            /* in words: how the quality came about */
  const struct cg_verdict *verdict; /* NULL: no decision was made */
  const char *policy_revision;
  char lease_id[CG_ID_LEN + 1];
  bool over; /* the lease has ended; how and why: */
  enum cg_ended_by ended_by;
  const char *ended_reason;
  bool moved; /* heartbeat: tier or room are new, token is set */
  const char *camera_id;
  int tier;                             /* granted, or CG_TIER_NONE */
  const char *room, *url, *token, *ice; /* NULL = none; ice: the JSON array ice_servers */
  int64_t token_expires_us;             /* wall */
  int64_t granted_mono_us, expires_mono_us, ends_mono_us;
};

struct cg_grant;
struct cg_step;
typedef void cg_grant_fn(void *arg, struct cg_grant *g);

/* The walk's own; steps use it on the thread where the grant is. */
struct cg_walk {
  const struct cg_step *steps; /* the table that it walks */
  size_t at;                   /* the row */
  enum { CG_AT_REST, CG_IN_STEP, CG_STEP_OVER } turn;
  struct cg_service *origin, *home, *here;
  struct cg_mail mail; /* on its way between the two */
  struct cg_arena *arena;
  cg_grant_fn *fn;
  void *arg;
  int64_t began_us; /* origin's loop's time */

  /* what the steps found, and what their undo gives back */
  struct cg_identity *identity; /* one reference; NULL: a stranger */
  struct cg_subject subject;
  const char *fingerprint; /* of the request with its key; "" without one */
  struct cg_lease *lease;  /* one reference */
  bool is_first;           /* in the lease's queue: it works on the lease */
  struct cg_grant *behind; /* the next that waits for the lease */
  bool foreign;            /* an admin ends somebody else's lease */
  const struct cg_camera *camera;
  struct cg_policy *policy; /* one reference */
  struct cg_ask ask;
  struct cg_lease *replaced[CG_REPLACE_MAX]; /* give way to this one; a reference each */
  size_t n_replaced;
  struct cg_lease *taken_over; /* whose holding a reserve took; one reference */
  bool quota_taken;
  struct cg_gap_wait quota_wait;
  uint64_t gaps; /* of home's, when the quota was asked */
  bool scopes_changed, ends_changed, identity_changed; /* of a lease that goes on */
  bool row_sent;                                       /* it may be durable */
};

struct cg_grant {
  struct cg_grant_in in;
  struct cg_grant_out out;
  struct cg_walk walk;
};

#endif
