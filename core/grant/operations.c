#include "grant/operations.h"

/* ---- which rows are needed ---- */

static bool caller_is_known(const struct cg_grant *g) {
  return g->walk.identity;
}

/* A beat needs a room and what opens it only when they are new. */
static bool has_moved(const struct cg_grant *g) {
  return g->out.moved;
}

/* A beat leaves a row only if it changed something, or was decided to be the last. */
static bool has_changed(const struct cg_grant *g) {
  if (g->out.err.code == CG_OK)
    return g->out.moved || g->walk.scopes_changed || g->walk.ends_changed ||
           g->walk.identity_changed;
  return g->out.err.code == CG_E_GONE && g->out.verdict;
}

/* ---- rows that stand in every table ---- */

#define AUTHENTICATE                                                                     \
  {                                                                                      \
    .name = "authenticate", .when = "first: no work for strangers",                      \
    .run = cg_step_authenticate, .origin = true                                          \
  }
#define HOME_OF(whose)                                                                   \
  {                                                                                      \
    .name = "home", .when = "the caller is known: on to where the leases live",          \
    .run = cg_step_home_of_##whose, .origin = true                                       \
  }
#define LIVES(moment)                                                                    \
  { .name = "lives", .when = moment, .run = cg_step_lives }
#define LET_GO                                                                           \
  {                                                                                      \
    .name = "let go", .when = "last: nothing of home's leaves home",                     \
    .run = cg_step_let_go, .always = true                                                \
  }
#define END_OF_TABLE                                                                     \
  { .name = NULL }

/* ---- reserve ---- */

/* A reserve whose Idempotency-Key made a lease before: its place, and a new token. */
static const struct cg_step replay_steps[] = {
    {.name = "lease",
     .when = "the key's lease is known; waits until it is first for it",
     .run = cg_step_lease_of_key},
    LIVES("it is first"),
    {.name = "room", .when = "the lease lives", .run = cg_step_room},
    {.name = "token", .when = "the room exists", .run = cg_step_token},
    {.name = "ice", .when = "the token's lifetime is settled", .run = cg_step_ice},
    {.name = "audit",
     .when = "a new token is about to leave, or something failed",
     .run = cg_step_audit_replay,
     .always = true},
    LIVES("the row is durable: still?"),
    LET_GO,
    END_OF_TABLE,
};

static const struct cg_step reserve_steps[] = {
    AUTHENTICATE,
    HOME_OF(subject),
    {.name = "key",
     .when = "at home: did this Idempotency-Key make a lease before?",
     .run = cg_step_key,
     .branch = replay_steps},
    {.name = "lease",
     .when = "it did not: a pending lease",
     .run = cg_step_new_lease,
     .undo = cg_undo_new_lease},
    {.name = "camera", .when = "the lease is pending", .run = cg_step_camera},
    {.name = "decide", .when = "subject and camera are known", .run = cg_step_decide},
    {.name = "quota",
     .when = "a policy allows it",
     .run = cg_step_reserve,
     .undo = cg_undo_reserve},
    {.name = "terms", .when = "the tier is settled", .run = cg_step_settle},
    {.name = "room", .when = "the terms name it", .run = cg_step_room},
    {.name = "token", .when = "the room exists", .run = cg_step_token},
    {.name = "ice", .when = "the token's lifetime is settled", .run = cg_step_ice},
    {.name = "audit",
     .when = "everything is known, or something failed",
     .needed = caller_is_known,
     .run = cg_step_audit_decision,
     .undo = cg_undo_audit_decision,
     .always = true},
    {.name = "commit", .when = "the row is durable", .run = cg_step_activate},
    LET_GO,
    END_OF_TABLE,
};

/* ---- heartbeat ---- */

static const struct cg_step heartbeat_steps[] = {
    AUTHENTICATE,
    HOME_OF(lease),
    {.name = "lease",
     .when = "at home; waits until it is first for the lease",
     .run = cg_step_own_lease},
    LIVES("it is first"),
    {.name = "camera", .when = "the lease lives", .run = cg_step_camera},
    {.name = "decide", .when = "again, with what holds now", .run = cg_step_decide},
    {.name = "quota",
     .when = "still allowed: renew, at the tier that is allowed now",
     .run = cg_step_renew,
     .undo = cg_undo_renew},
    {.name = "terms", .when = "the tier is settled", .run = cg_step_compare},
    {.name = "room",
     .when = "the tier fell, or the room is gone",
     .needed = has_moved,
     .run = cg_step_room},
    {.name = "token",
     .when = "the room is new",
     .needed = has_moved,
     .run = cg_step_token},
    {.name = "ice", .when = "the room is new", .needed = has_moved, .run = cg_step_ice},
    {.name = "audit",
     .when = "something changed, or the lease is over",
     .needed = has_changed,
     .run = cg_step_audit_change,
     .always = true},
    LIVES("the row is durable: still?"),
    {.name = "commit", .when = "it does", .run = cg_step_keep},
    LET_GO,
    END_OF_TABLE,
};

/* ---- release ---- */

static const struct cg_step release_steps[] = {
    AUTHENTICATE,
    HOME_OF(lease),
    {.name = "lease",
     .when = "at home; waits until it is first for the lease",
     .run = cg_step_lease_to_end},
    {.name = "end",
     .when = "it is first; done when the end's row is durable",
     .run = cg_step_end},
    LET_GO,
    END_OF_TABLE,
};

/* ---- token ---- */

static const struct cg_step token_steps[] = {
    AUTHENTICATE,
    HOME_OF(subject),
    {.name = "lease",
     .when = "at home: the caller's live lease on that camera",
     .run = cg_step_lease_on_camera},
    LIVES("it is first"),
    {.name = "room", .when = "the lease lives", .run = cg_step_room},
    {.name = "token", .when = "the room exists", .run = cg_step_token},
    {.name = "ice", .when = "the token's lifetime is settled", .run = cg_step_ice},
    {.name = "audit",
     .when = "a new token is about to leave",
     .run = cg_step_audit_renewal},
    LIVES("the row is durable: still?"),
    LET_GO,
    END_OF_TABLE,
};

/* ---- explain ---- */

static const struct cg_step explain_steps[] = {
    AUTHENTICATE,
    {.name = "camera", .when = "the caller is known", .run = cg_step_camera},
    {.name = "explain", .when = "the camera is known", .run = cg_step_explain},
    LET_GO,
    END_OF_TABLE,
};

const struct cg_operation cg_operations[CG_OPS] = {
    [CG_RESERVE] = {.steps = reserve_steps},
    [CG_HEARTBEAT] = {.steps = heartbeat_steps, .refusal_ends = true},
    [CG_RELEASE] = {.steps = release_steps},
    [CG_TOKEN] = {.steps = token_steps},
    [CG_EXPLAIN] = {.steps = explain_steps},
};
