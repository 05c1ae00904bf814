/* step.h - what steps are made of; private to the grant layer.
 *
 * A step's run ends by exactly one of cg_step_done and cg_step_fail.  undo is called
 * after a failure of this step or a later one, must accept that the step did nothing or
 * half, and does not wait.  Steps run on the grant's home worker, but those marked
 * `origin`.
 */
#ifndef CG_GRANT_STEP_H
#define CG_GRANT_STEP_H

#include "grant/grant.h"

struct cg_step {
  const char *name, *when; /* "is called when" */
  void (*run)(struct cg_grant *g);
  void (*undo)(struct cg_grant *g);
  bool always; /* also after a failure */
  bool origin; /* on the worker where the grant began */
};

void cg_step_done(struct cg_grant *g);
void cg_step_fail(struct cg_grant *g, enum cg_code code, const char *fmt, ...)
    CG_PRINTF(3, 4);
/* A plugin's failure: its code as ours, its words with the peer's kind before them. */
void cg_step_fail_call(struct cg_grant *g, const char *what, enum cgp_code code,
                       const char *text);
/* Text in the grant's arena; NULL or no memory: the step must fail with this. */
void cg_step_no_memory(struct cg_grant *g);

/* step_subject.c: who asks, and which of the subject's leases is meant */
void cg_step_authenticate(struct cg_grant *g);
void cg_step_new_lease(struct cg_grant *g);
void cg_undo_new_lease(struct cg_grant *g);
void cg_step_own_lease(struct cg_grant *g);
void cg_step_lease_on_camera(struct cg_grant *g);
void cg_step_commit(struct cg_grant *g);
void cg_step_end(struct cg_grant *g);
void cg_step_let_go(struct cg_grant *g);
/* Copies how and why the lease ended into the outcome. */
void cg_note_over(struct cg_grant *g);

/* step_decide.c */
/* A plugin's camera as policies see it; NULL: no memory. */
const struct cg_camera *cg_camera_copy(struct cg_arena *a, const struct cgp_camera *from);
void cg_step_camera(struct cg_grant *g);
void cg_step_decide(struct cg_grant *g);

/* step_quota.c */
void cg_step_reserve(struct cg_grant *g);
void cg_undo_reserve(struct cg_grant *g);
void cg_step_renew(struct cg_grant *g);
void cg_undo_renew(struct cg_grant *g);

/* step_room.c */
void cg_step_room(struct cg_grant *g);
void cg_step_token(struct cg_grant *g);
void cg_step_ice(struct cg_grant *g);

/* step_audit.c */
void cg_step_audit(struct cg_grant *g);
void cg_undo_audit(struct cg_grant *g);

#endif
