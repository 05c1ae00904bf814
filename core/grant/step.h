/* step.h - what steps are made of, and all of them; private to the grant layer.
 *
 * A step's run ends by exactly one of cg_step_done, cg_step_fail, cg_step_refuse and
 * cg_step_branch, or by one that calls them (cg_queue_join, cg_step_no_memory).  undo is
 * called after a failure of this step or a later one, must accept that the step did
 * nothing or half, and starts what it has to without waiting for it.  Steps run on the
 * grant's home worker, but those marked `origin`; the grant's arena is there from the
 * first step at home. Each step lies in a file of its name, step_NAME.c, or where
 * the list says.
 */
#ifndef CG_GRANT_STEP_H
#define CG_GRANT_STEP_H

#include "grant/grant.h"

struct cg_step {
  const char *name, *when;                  /* "is called when" */
  bool (*needed)(const struct cg_grant *g); /* false: passed over; NULL: always needed */
  void (*run)(struct cg_grant *g);
  void (*undo)(struct cg_grant *g);
  const struct cg_step *branch; /* the table that run may go on in */
  bool always;                  /* also after a failure */
  bool origin;                  /* on the worker where the grant began */
};

/* ---- how a step ends (walk.c) ---- */

void cg_step_done(struct cg_grant *g);
/* Goes on with the first row of the branch; nothing before it is undone any more. */
void cg_step_branch(struct cg_grant *g);
void cg_step_fail(struct cg_grant *g, enum cg_code code, const char *fmt, ...)
    CG_PRINTF(3, 4);
/* A policy, the quota or the camera directory says no: `code`, but where a refusal ends
 * the lease (operations.h) it is over, for `why`, and the answer is CG_E_GONE. */
void cg_step_refuse(struct cg_grant *g, enum cg_code code, const char *why,
                    const char *fmt, ...) CG_PRINTF(4, 5);
/* A plugin's failure: its code as ours, its words with the peer's kind before them. */
void cg_step_fail_call(struct cg_grant *g, const char *what, enum cgp_code code,
                       const char *text);
void cg_step_no_memory(struct cg_grant *g);
/* The lease has ended: how and why goes out, and the step fails. */
void cg_step_fail_over(struct cg_grant *g);

/* ---- who works on the lease (queue.c) ---- */

/* Ends the step when g is first for walk.lease, with the lease's terms in `out`; or
 * fails it. */
void cg_queue_join(struct cg_grant *g);
void cg_queue_leave(struct cg_grant *g); /* nothing when g is not first */

/* ---- the steps ---- */

void cg_step_authenticate(struct cg_grant *g);
void cg_step_home_of_subject(struct cg_grant *g);
void cg_step_home_of_lease(struct cg_grant *g);

void cg_step_key(struct cg_grant *g); /* branches when the key made a lease before */

/* step_lease.c: which of the subject's leases is meant */
void cg_step_new_lease(struct cg_grant *g);
void cg_undo_new_lease(struct cg_grant *g);
void cg_step_own_lease(struct cg_grant *g);
void cg_step_lease_to_end(struct cg_grant *g); /* one's own, or for an admin any */
void cg_step_lease_on_camera(struct cg_grant *g);
void cg_step_lease_of_key(struct cg_grant *g);
void cg_step_lives(struct cg_grant *g); /* fails when the lease has ended */

void cg_step_camera(struct cg_grant *g);

void cg_step_decide(struct cg_grant *g);
void cg_step_time_is_up(struct cg_grant *g); /* refuses: the hard end has come */
void cg_step_explain(struct cg_grant *g);    /* step_decide.c: a no is an answer, too */

void cg_step_reserve(struct cg_grant *g); /* step_quota.c */
void cg_undo_reserve(struct cg_grant *g);
void cg_step_renew(struct cg_grant *g);
void cg_undo_renew(struct cg_grant *g);

void cg_step_settle(struct cg_grant *g);  /* step_terms.c: of a new lease */
void cg_step_compare(struct cg_grant *g); /* with those that the lease has */

void cg_step_room(struct cg_grant *g);
void cg_step_token(struct cg_grant *g);
void cg_step_ice(struct cg_grant *g);

/* step_audit.c: kinds of rows */
void cg_step_audit_decision(struct cg_grant *g);
void cg_step_audit_change(struct cg_grant *g);
void cg_step_audit_renewal(struct cg_grant *g);
void cg_step_audit_replay(struct cg_grant *g);
void cg_undo_audit_decision(struct cg_grant *g);

void cg_step_activate(struct cg_grant *g); /* step_commit.c */
void cg_step_keep(struct cg_grant *g);

void cg_step_end(struct cg_grant *g);
void cg_step_let_go(struct cg_grant *g);

#endif
