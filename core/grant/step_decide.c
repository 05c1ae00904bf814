/* The steps "decide" and "explain": one run of the policies. */
#include "grant/step.h"

/* The smallest of what policy, caller and configuration say; it never moves out. */
static int64_t ends_mono_us(const struct cg_grant *g, const struct cg_verdict *v) {
  const struct cg_lease *l = g->walk.lease;
  int64_t ttl = v->ttl_s > 0 ? v->ttl_s : g->walk.home->conf->lease_s;
  if (g->in.ttl_s > 0 && g->in.ttl_s < ttl) ttl = g->in.ttl_s;
  int64_t ends = g->out.granted_mono_us + ttl * 1000000;
  bool had_sooner = l->state != CG_LEASE_PENDING && l->ends_mono_us < ends;
  return had_sooner ? l->ends_mono_us : ends;
}

static void refuse(struct cg_grant *g, const struct cg_verdict *v) {
  g->out.reason = v->policy_error ? "policy_error" : v->reason;
  cg_step_refuse(g, CG_E_DENIED, g->out.reason, "%s",
                 v->policy_error
                     ? "a policy failed, so the answer is no; the log says why"
                     : v->reason);
}

void cg_step_time_is_up(struct cg_grant *g) {
  g->out.reason = "its time is up";
  cg_step_refuse(g, CG_E_DENIED, g->out.reason,
                 "the policies allow it for a time that is over");
}

static void allow(struct cg_grant *g, const struct cg_verdict *v) {
  g->out.ends_mono_us = ends_mono_us(g, v);
  if (g->out.ends_mono_us <= cg_service_mono(g->walk.home))
    cg_step_time_is_up(g);
  else
    cg_step_done(g);
}

static void decided(void *arg, const struct cg_verdict *v) {
  struct cg_grant *g = arg;
  if (v->outage != CG_OK) {
    cg_step_fail(g, v->outage, "policies: %s", v->reason);
    return;
  }
  g->out.verdict = v;
  g->out.rule = v->rule;
  if (v->allow)
    allow(g, v);
  else
    refuse(g, v);
}

static void explained(void *arg, const struct cg_verdict *v) {
  struct cg_grant *g = arg;
  g->out.verdict = v;
  if (v->outage == CG_OK)
    cg_step_done(g);
  else
    cg_step_fail(g, v->outage, "policies: %s", v->reason);
}

/* A lease that was granted before is decided again, as what it is now. */
static void ask_about_lease(struct cg_ask *ask, const struct cg_service *h,
                            const struct cg_lease *l) {
  ask->quality = l->requested;
  ask->purpose = l->purpose ? l->purpose : "";
  ask->lease_id = l->id;
  ask->lease_quality = cg_tier_name(&h->conf->tiers, l->tier);
  ask->lease_granted_us = cg_service_tell(h, l->granted_mono_us);
}

static void decide(struct cg_grant *g, bool explain, cg_verdict_fn *fn) {
  struct cg_service *h = g->walk.home;
  const struct cg_lease *l = g->walk.lease;
  int64_t now = cg_service_wall(h);
  struct cg_id id = cg_id_new(&h->ids, now, 0);
  g->walk.policy = cg_policy_ref(h->policy);
  g->out.policy_revision = cg_policy_revision(g->walk.policy);
  g->walk.ask = (struct cg_ask){.subject = &g->walk.subject,
                                .camera = g->walk.camera,
                                .quality = g->in.quality,
                                .purpose = g->in.purpose,
                                .now_us = now,
                                .explain = explain};
  if (l && l->state != CG_LEASE_PENDING) ask_about_lease(&g->walk.ask, h, l);
  /* An explanation tells the revision when its policies may be gone. */
  if (explain)
    g->out.policy_revision = cg_arena_strdup(g->walk.arena, g->out.policy_revision);
  const char *decision_id = cg_arena_strdup(g->walk.arena, id.text);
  if (!decision_id || !g->out.policy_revision) {
    cg_step_no_memory(g);
    return;
  }
  g->out.decision_id = decision_id;
  cg_policy_decide(g->walk.policy, &g->walk.ask, g->walk.arena, fn, g);
}

void cg_step_decide(struct cg_grant *g) {
  decide(g, false, decided);
}

void cg_step_explain(struct cg_grant *g) {
  decide(g, true, explained);
}
