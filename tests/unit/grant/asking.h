/* asking.h - grants asked of a harness, and what came of them.
 *
 *   struct asked a;
 *   ask_reserve(&h, &a, "alice", (struct cg_grant_in){.quality = 2});
 *   assert_int_equal(a.times, 1);          answered
 *   assert_int_equal(a.code, CG_OK);
 *
 * What a grant gives is copied inside its completion, because its arena dies after it.
 */
#ifndef TEST_GRANT_ASKING_H
#define TEST_GRANT_ASKING_H

#include "auth/jwt.h"
#include "grant/walk.h"
#include "lease/harness.h"

struct asked {
  struct cg_grant g;
  unsigned times; /* completions: one, in the end */
  enum cg_code code;
  char text[CG_ERR_TEXT_MAX], reason[200], lease_id[CG_ID_LEN + 1], room[CG_ROOM_MAX],
      scope[64];
  char token[64], why[200], decision_id[64];
  bool moved, over, leaves; /* leaves: the client is gone when the answer comes */
  enum cg_ended_by ended_by;
  int tier;
  size_t n_conflicts;
  int64_t expires_us, ends_us;
  char authorization[1024];
};

static inline void asked_answer(void *arg, struct cg_grant *g) {
  struct asked *a = arg;
  a->times++;
  a->code = g->out.err.code;
  snprintf(a->text, sizeof a->text, "%s", g->out.err.text);
  snprintf(a->reason, sizeof a->reason, "%s",
           g->out.over ? g->out.ended_reason : g->out.reason);
  snprintf(a->lease_id, sizeof a->lease_id, "%s", g->out.lease_id);
  snprintf(a->room, sizeof a->room, "%s", g->out.room ? g->out.room : "");
  snprintf(a->scope, sizeof a->scope, "%s", g->out.scope);
  snprintf(a->token, sizeof a->token, "%s", g->out.token ? g->out.token : "");
  snprintf(a->why, sizeof a->why, "%s", g->out.why.n ? g->out.why.items[0] : "");
  snprintf(a->decision_id, sizeof a->decision_id, "%s", g->out.decision_id);
  a->moved = g->out.moved;
  a->over = g->out.over;
  a->ended_by = g->out.ended_by;
  a->tier = g->out.tier;
  a->n_conflicts = g->out.conflicts.n;
  a->expires_us = cg_service_tell(g->walk.origin, g->out.expires_mono_us);
  a->ends_us = cg_service_tell(g->walk.origin, g->out.ends_mono_us);
  if (a->leaves) cg_grant_abandon(g);
}

/* "Bearer ..." of a user of site north. */
static inline void asked_token(const struct harness *h, struct asked *a, const char *sub,
                               const char *role) {
  json_t *claims =
      json_pack("{s:s, s:[s], s:[s], s:I}", "sub", sub, "roles", role, "sites", "north",
                "exp", (json_int_t)(h->clock.fake_wall_us / SECOND + 36000));
  struct cg_err err = {0};
  char *token = cg_jwt_mint(HARNESS_SECRET, claims, &err);
  assert_non_null(token);
  snprintf(a->authorization, sizeof a->authorization, "Bearer %s", token);
  cg_free(token);
  json_decref(claims);
}

/* Texts that `in` leaves out are "". */
static inline void ask_as(struct harness *h, struct asked *a, const char *sub,
                          const char *role, enum cg_op op, struct cg_grant_in in) {
  bool leaves = a->leaves;
  memset(a, 0, sizeof *a);
  a->leaves = leaves;
  asked_token(h, a, sub, role);
  in.op = op;
  in.authorization = a->authorization;
  in.request_id = "r1";
  in.client_addr = "192.0.2.7";
  if (!in.camera) in.camera = "";
  if (!in.lease_id) in.lease_id = "";
  if (!in.purpose) in.purpose = "";
  if (!in.key) in.key = "";
  a->g.in = in;
  cg_grant_start(&h->service, &a->g, asked_answer, a);
  harness_run(h);
}

/* Alice asks for lobby-1; quality as in `in` (CG_TIER_NONE: the best). */
static inline void ask_reserve(struct harness *h, struct asked *a,
                               struct cg_grant_in in) {
  in.camera = "lobby-1";
  ask_as(h, a, "alice", "operator", CG_RESERVE, in);
}

static inline void ask_beat(struct harness *h, struct asked *a, const char *lease_id) {
  ask_as(h, a, "alice", "operator", CG_HEARTBEAT,
         (struct cg_grant_in){.lease_id = lease_id, .quality = CG_TIER_NONE});
}

static inline void ask_release(struct harness *h, struct asked *a, const char *lease_id) {
  ask_as(h, a, "alice", "operator", CG_RELEASE,
         (struct cg_grant_in){.lease_id = lease_id, .quality = CG_TIER_NONE});
}

static inline void ask_token(struct harness *h, struct asked *a) {
  ask_as(h, a, "alice", "operator", CG_TOKEN,
         (struct cg_grant_in){.camera = "lobby-1", .quality = CG_TIER_NONE});
}

/* A live lease of alice's. */
static inline void have_lease(struct harness *h, struct asked *a) {
  ask_reserve(h, a, (struct cg_grant_in){.quality = CG_TIER_NONE});
  if (a->times != 1 || a->code != CG_OK) fail_msg("not granted: %s", a->text);
}

static inline struct cg_lease *lease_of(struct harness *h, const struct asked *a) {
  return cg_lease_find(h->service.leases, a->lease_id);
}

#endif
