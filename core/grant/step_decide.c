/* The steps camera and decide. */
#include <string.h>

#include "grant/step.h"
#include "lease/end.h"

static bool copy_strings(struct cg_arena *a, const char *const *from, size_t n,
                         struct cg_strings *to) {
  const char **items = cg_arena_alloc(a, (n + 1) * sizeof *items);
  if (!items) return false;
  for (size_t i = 0; i < n; i++)
    if (!(items[i] = cg_arena_strdup(a, from[i]))) return false;
  *to = (struct cg_strings){.items = items, .n = n};
  return true;
}

const struct cg_camera *cg_camera_copy(struct cg_arena *a,
                                       const struct cgp_camera *from) {
  struct cg_camera *c = cg_arena_zalloc(a, sizeof *c);
  if (!c || !copy_strings(a, from->tags, from->n_tags, &c->tags)) return NULL;
  c->id = cg_arena_strdup(a, from->id);
  c->name = cg_arena_strdup(a, from->name);
  c->site = cg_arena_strdup(a, from->site);
  c->attributes = cg_arena_strdup(a, from->attributes);
  c->level = from->level;
  return c->id && c->name && c->site && c->attributes ? c : NULL;
}

/* A lease does not outlive its camera. */
static void no_camera(struct cg_grant *g) {
  if (g->op == CG_HEARTBEAT) {
    cg_lease_end(g->home, g->lease, CG_ENDED_REVOKED, "the camera is gone", NULL, NULL);
    cg_note_over(g);
  }
  cg_step_fail(g, g->op == CG_HEARTBEAT ? CG_E_GONE : CG_E_NOT_FOUND,
               "there is no camera \"%.63s\"", g->camera_id);
}

static void got_camera(void *arg, enum cgp_code code, const void *result,
                       const char *text) {
  struct cg_grant *g = arg;
  if (code == CGP_E_NOTFOUND) {
    no_camera(g);
  } else if (code != CGP_OK) {
    cg_step_fail_call(g, "cameras", code, text);
  } else if (!(g->camera = cg_camera_copy(g->arena, result))) {
    cg_step_no_memory(g);
  } else {
    g->camera_id = g->camera->id;
    cg_step_done(g);
  }
}

void cg_step_camera(struct cg_grant *g) {
  if (g->replayed) {
    cg_step_done(g);
    return;
  }
  if (!g->arena)
    g->arena = cg_arena_new(g->home->pool, (size_t)g->home->conf->arena_bytes);
  if (!g->arena)
    cg_step_no_memory(g);
  else
    cg_cameras_get(g->home->drivers, g->camera_id, got_camera, g);
}

/* The smallest of what policy, caller and configuration say. */
static int64_t ends_us(const struct cg_grant *g, const struct cg_verdict *v) {
  int64_t ttl = v->ttl_s > 0 ? v->ttl_s : g->home->conf->lease_s;
  if (g->in.ttl_s > 0 && g->in.ttl_s < ttl) ttl = g->in.ttl_s;
  int64_t ends = g->granted_us + ttl * 1000000;
  return g->op == CG_HEARTBEAT && g->lease->ends_us < ends ? g->lease->ends_us : ends;
}

static void refused(struct cg_grant *g, const struct cg_verdict *v) {
  g->reason = v->policy_error ? "policy_error" : v->reason;
  if (g->op == CG_HEARTBEAT) {
    cg_lease_end(g->home, g->lease, CG_ENDED_REVOKED, g->reason, NULL, NULL);
    cg_note_over(g);
  }
  cg_step_fail(g, g->op == CG_HEARTBEAT ? CG_E_GONE : CG_E_DENIED, "%s",
               v->policy_error ? "a policy failed, so the answer is no; the log says why"
                               : v->reason);
}

static void decided(void *arg, const struct cg_verdict *v) {
  struct cg_grant *g = arg;
  if (v->outage != CG_OK) {
    cg_step_fail(g, v->outage, "policies: %s", v->reason);
    return;
  }
  g->verdict = v;
  if (g->op == CG_EXPLAIN) {
    cg_step_done(g);
    return;
  }
  g->rule = v->rule;
  if (!v->allow) {
    refused(g, v);
    return;
  }
  int64_t now = cg_service_now(g->home);
  g->ends_us = ends_us(g, v);
  g->expires_us = now + g->home->conf->lapse_s * 1000000;
  if (g->expires_us > g->ends_us) g->expires_us = g->ends_us;
  cg_step_done(g);
}

void cg_step_decide(struct cg_grant *g) {
  struct cg_service *h = g->home;
  if (g->replayed) {
    cg_step_done(g);
    return;
  }
  int64_t now = cg_service_now(h);
  struct cg_id id = cg_id_new(&h->ids, now, 0);
  g->decision_id = cg_arena_strdup(g->arena, id.text);
  g->policy = cg_policy_ref(h->policy);
  g->policy_revision = cg_policy_revision(g->policy);
  g->ask = (struct cg_ask){
      .subject = &g->subject,
      .camera = g->camera,
      .quality = g->in.quality,
      .purpose = g->in.purpose,
      .now_us = now,
      .explain = g->op == CG_EXPLAIN,
  };
  if (g->op == CG_HEARTBEAT) {
    g->ask.quality = g->lease->requested;
    g->ask.purpose = g->lease->purpose ? g->lease->purpose : "";
    g->ask.lease_id = g->lease->id;
    g->ask.lease_quality = cg_tier_name(&h->conf->tiers, g->lease->tier);
    g->ask.lease_granted_us = g->lease->granted_us;
  }
  if (g->decision_id)
    cg_policy_decide(g->policy, &g->ask, g->arena, decided, g);
  else
    cg_step_no_memory(g);
}
