#include "grant/grant.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "grant/step.h"
#include "lease/end.h"

static const struct cg_step reserve_steps[] = {
    {.name = "authenticate",
     .when = "first: no work for strangers",
     .run = cg_step_authenticate,
     .origin = true},
    {.name = "lease",
     .when = "the subject is known: a pending lease, or the one this key made",
     .run = cg_step_new_lease,
     .undo = cg_undo_new_lease},
    {.name = "camera", .when = "the lease is pending", .run = cg_step_camera},
    {.name = "decide", .when = "subject and camera are known", .run = cg_step_decide},
    {.name = "quota",
     .when = "a policy allows it",
     .run = cg_step_reserve,
     .undo = cg_undo_reserve},
    {.name = "room", .when = "the tier is settled", .run = cg_step_room},
    {.name = "token", .when = "the room exists", .run = cg_step_token},
    {.name = "ice", .when = "the token's lifetime is settled", .run = cg_step_ice},
    {.name = "audit",
     .when = "everything is known, or something failed",
     .run = cg_step_audit,
     .undo = cg_undo_audit,
     .always = true},
    {.name = "commit", .when = "the row is durable", .run = cg_step_commit},
    {.name = "let go",
     .when = "last: nothing of home's leaves home",
     .run = cg_step_let_go,
     .always = true},
    {.name = NULL},
};

static const struct cg_step heartbeat_steps[] = {
    {.name = "authenticate",
     .when = "first",
     .run = cg_step_authenticate,
     .origin = true},
    {.name = "lease",
     .when = "the subject is known; waits for its turn on the lease",
     .run = cg_step_own_lease},
    {.name = "camera", .when = "the lease lives", .run = cg_step_camera},
    {.name = "decide", .when = "again, with what holds now", .run = cg_step_decide},
    {.name = "quota",
     .when = "still allowed: renew, at the tier that is allowed now",
     .run = cg_step_renew,
     .undo = cg_undo_renew},
    {.name = "room", .when = "the tier fell, or the room is gone", .run = cg_step_room},
    {.name = "token", .when = "the room changed", .run = cg_step_token},
    {.name = "ice", .when = "the room changed", .run = cg_step_ice},
    {.name = "audit",
     .when = "something changed, or the lease is over",
     .run = cg_step_audit,
     .undo = cg_undo_audit,
     .always = true},
    {.name = "commit", .when = "the row is durable", .run = cg_step_commit},
    {.name = "let go", .when = "last", .run = cg_step_let_go, .always = true},
    {.name = NULL},
};

static const struct cg_step release_steps[] = {
    {.name = "authenticate",
     .when = "first",
     .run = cg_step_authenticate,
     .origin = true},
    {.name = "lease", .when = "the subject is known", .run = cg_step_own_lease},
    {.name = "end",
     .when = "the lease is the caller's; done when its row is durable",
     .run = cg_step_end},
    {.name = "let go", .when = "last", .run = cg_step_let_go, .always = true},
    {.name = NULL},
};

static const struct cg_step token_steps[] = {
    {.name = "authenticate",
     .when = "first",
     .run = cg_step_authenticate,
     .origin = true},
    {.name = "lease",
     .when = "the subject is known: its live lease on that camera",
     .run = cg_step_lease_on_camera},
    {.name = "room", .when = "the lease lives", .run = cg_step_room},
    {.name = "token", .when = "the room exists", .run = cg_step_token},
    {.name = "ice", .when = "the token's lifetime is settled", .run = cg_step_ice},
    {.name = "audit",
     .when = "a new token is about to leave",
     .run = cg_step_audit,
     .undo = cg_undo_audit,
     .always = true},
    {.name = "commit",
     .when = "the row is durable: does the lease live still?",
     .run = cg_step_commit},
    {.name = "let go", .when = "last", .run = cg_step_let_go, .always = true},
    {.name = NULL},
};

static const struct cg_step explain_steps[] = {
    {.name = "authenticate",
     .when = "first",
     .run = cg_step_authenticate,
     .origin = true},
    {.name = "camera", .when = "the subject is known", .run = cg_step_camera},
    {.name = "decide", .when = "subject and camera are known", .run = cg_step_decide},
    {.name = "let go", .when = "last", .run = cg_step_let_go, .always = true},
    {.name = NULL},
};

static const struct cg_step *const ops[CG_OPS] = {
    [CG_RESERVE] = reserve_steps, [CG_HEARTBEAT] = heartbeat_steps,
    [CG_RELEASE] = release_steps, [CG_TOKEN] = token_steps,
    [CG_EXPLAIN] = explain_steps,
};

const char *cg_grant_step_name(enum cg_op op, size_t nth) {
  return ops[op][nth].name;
}

static void drive(struct cg_grant *g);

static void arrive(void *arg) {
  struct cg_grant *g = arg;
  cg_timer_stop(&g->retry);
  drive(g);
}

/* A full mailbox must not lose the grant: it tries again from where it is. */
static void travel(void *arg) {
  struct cg_grant *g = arg;
  struct cg_service *from = g->here;
  struct cg_service *to =
      ops[g->op][g->at].name && !ops[g->op][g->at].origin ? g->home : g->origin;
  g->here = to;
  if (cg_loop_post(to->loop, arrive, g)) return;
  g->here = from;
  cg_timer_start(&g->retry, from->loop, 10000, travel, g);
}

static void finish(struct cg_grant *g) {
  struct cg_service *origin = g->origin;
  struct cg_arena *arena = g->arena;
  struct cg_identity *identity = g->identity;
  cg_metric_observe_us(origin->metrics, origin->worker, origin->metric->seconds,
                       origin->clock->mono_us(origin->clock) - g->began_us);
  origin->in_flight--;
  g->fn(g->arg, g);
  cg_arena_free(arena, origin->pool);
  cg_identity_unref(identity);
}

static void drive(struct cg_grant *g) {
  const struct cg_step *steps = ops[g->op];
  for (;;) {
    while (steps[g->at].name && g->err.code != CG_OK && !steps[g->at].always) g->at++;
    const struct cg_step *s = &steps[g->at];
    if ((s->name && !s->origin ? g->home : g->origin) != g->here) {
      travel(g);
      return;
    }
    if (!s->name) {
      finish(g);
      return;
    }
    g->turn = CG_IN_STEP;
    s->run(g);
    if (g->turn == CG_IN_STEP) {
      g->turn = CG_AT_REST;
      return;
    }
  }
}

static void step_over(struct cg_grant *g) {
  g->at++;
  if (g->turn == CG_IN_STEP)
    g->turn = CG_STEP_OVER;
  else
    drive(g);
}

void cg_step_done(struct cg_grant *g) {
  step_over(g);
}

void cg_step_fail(struct cg_grant *g, enum cg_code code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  cg_failv(&g->err, code, fmt, ap);
  va_end(ap);
  for (size_t i = g->at + 1; i-- > 0;)
    if (ops[g->op][i].undo) ops[g->op][i].undo(g);
  step_over(g);
}

void cg_step_fail_call(struct cg_grant *g, const char *what, enum cgp_code code,
                       const char *text) {
  cg_step_fail(g, cg_trouble_of(code), "%s: %s", what, text);
}

void cg_step_no_memory(struct cg_grant *g) {
  cg_step_fail(g, CG_E_MEMORY, "the gate has no memory left for this request");
}

void cg_grant_start(struct cg_service *origin, struct cg_grant *g, cg_grant_fn *fn,
                    void *arg) {
  g->origin = g->home = g->here = origin;
  g->fn = fn;
  g->arg = arg;
  g->tier = CG_TIER_NONE;
  g->decision_id = g->rule = g->reason = g->scope = g->ended_reason = "";
  g->policy_revision = "";
  g->camera_id = g->in.camera;
  g->began_us = origin->clock->mono_us(origin->clock);
  origin->in_flight++;
  drive(g);
}

struct abandoned {
  struct cg_service *home;
  char lease_id[CG_ID_LEN + 1];
};

static void end_abandoned(void *arg) {
  struct abandoned *a = arg;
  struct cg_lease *l = cg_lease_find(a->home->leases, a->lease_id);
  if (l)
    cg_lease_end(a->home, l, CG_ENDED_RELEASED, "the client left before the reply", NULL,
                 NULL);
  cg_free(a);
}

void cg_grant_abandon(struct cg_grant *g) {
  if (g->op != CG_RESERVE || g->err.code != CG_OK || *g->in.key) return;
  struct abandoned *a = cg_alloc(sizeof *a);
  if (!a) return;
  a->home = g->home;
  memcpy(a->lease_id, g->lease_id, sizeof a->lease_id);
  if (!cg_loop_post(a->home->loop, end_abandoned, a))
    cg_free(a); /* the lease lapses by itself */
}
