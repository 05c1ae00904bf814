/* grant.h - one grant: a request's way through a static table of steps.
 *
 * The tables stand in grant.c and are the story: which steps a reserve, a heartbeat, a
 * release, a token renewal and an explanation take, in which order, and what undoes each.
 * The driver runs them one after another; a step ends by cg_step_done or cg_step_fail, at
 * once or later.  When one fails, it and the finished ones are undone, newest first; then
 * only the steps marked `always` run: the failure is audited, too.  The caller's function
 * runs exactly once, on the worker where the grant began, after the audit row is durable.
 *
 * A grant begins on the worker that has the connection (origin) and runs its steps on the
 * worker where the subject's leases live (home).  It goes on to its end when the client
 * leaves; what a client did not receive is ended by the caller (cg_grant_abandon).
 *
 * Memory: the struct and what the caller puts into `in` live in the caller's arena until
 * the function has run; what the steps make lives in the grant's own arena and dies after
 * the function has run.  Origin's thread touches neither in between.
 */
#ifndef CG_GRANT_GRANT_H
#define CG_GRANT_GRANT_H

#include "lease/service.h"

enum cg_op { CG_RESERVE, CG_HEARTBEAT, CG_RELEASE, CG_TOKEN, CG_EXPLAIN, CG_OPS };

/* What is asked.  Strings never NULL, "" = not given. */
struct cg_grant_in {
  const char *authorization; /* the header's value, or NULL */
  const char *request_id, *client_addr;
  const char *camera;        /* reserve, token, explain */
  const char *lease_id;      /* heartbeat, release; a valid id (cg_id_valid) */
  int quality;               /* tier or CG_TIER_NONE */
  const char *purpose, *key; /* key: Idempotency-Key */
  int64_t ttl_s;             /* 0 = not given */
  struct cg_strings replace; /* lease ids of the caller's */
};

struct cg_grant;
typedef void cg_grant_fn(void *arg, struct cg_grant *g);

struct cg_grant {
  enum cg_op op;
  struct cg_grant_in in;

  /* outcome; the caller's function reads it */
  struct cg_err err;         /* CG_OK: granted, or done */
  const char *decision_id;   /* "" = none was made */
  const char *rule, *reason; /* of a refusal; "" */
  const char *scope;         /* quota full: which */
  uint64_t limit, in_use;
  struct cg_strings conflicts;      /* the caller's leases that hold that scope */
  struct cg_strings why;            /* in words: how the quality came about */
  const struct cg_verdict *verdict; /* NULL: no decision was made */
  const char *policy_revision;
  char lease_id[CG_ID_LEN + 1]; /* "" = none */
  bool over;                    /* the lease has ended; how and why: */
  enum cg_ended_by ended_by;
  const char *ended_reason;
  bool changed;  /* heartbeat: tier or room are new, token is set */
  bool replayed; /* reserve: the same key had this lease already */
  const char *camera_id;
  int tier;                             /* granted, or CG_TIER_NONE */
  const char *room, *url, *token, *ice; /* ice: the JSON array ice_servers */
  int64_t token_expires_us, expires_us, ends_us, granted_us;

  /* the driver's and the steps'; home's thread */
  struct cg_lease *lease; /* one reference */
  struct cg_service *origin, *home, *here;
  const struct cg_camera *camera;
  struct cg_subject subject;
  struct cg_identity *identity;
  struct cg_policy *policy;
  struct cg_arena *arena;
  cg_grant_fn *fn;
  void *arg;
  struct cg_lease *taken_over; /* whose holding this reserve took; one reference */
  struct cg_lease *replaced[CG_REPLACE_MAX]; /* one reference each */
  size_t n_replaced;
  struct cg_ask ask;
  bool quota_taken, lease_busy, row_sent;
  bool foreign; /* an admin works on somebody else's lease */
  bool scopes_changed, ends_changed, identity_changed;
  size_t at;
  enum { CG_AT_REST, CG_IN_STEP, CG_STEP_OVER } turn;
  struct cg_grant *behind; /* next in a lease's queue */
  struct cg_timer retry;   /* for a full mailbox */
  int64_t began_us;        /* mono */
};

/* g: zeroed by the caller but op and in.  fn runs exactly once, possibly before this
 * returns.  Origin's thread. */
void cg_grant_start(struct cg_service *origin, struct cg_grant *g, cg_grant_fn *fn,
                    void *arg);
/* Inside fn, when the client is gone: a new lease that nobody heard of is ended. */
void cg_grant_abandon(struct cg_grant *g);

/* The names and purposes of an op's steps, in order; NULL after the last. */
const char *cg_grant_step_name(enum cg_op op, size_t nth);

#endif
