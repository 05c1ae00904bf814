/* The steps that know who asks, and which of their leases is meant. */
#include <stdio.h>
#include <string.h>

#include "grant/step.h"
#include "lease/end.h"
#include "lease/tally.h"

#define WAITING_MAX 8 /* grants behind one lease */

/* Whose home: the lease's that is named, else the subject's. */
static struct cg_service *home_of(const struct cg_grant *g) {
  if (g->op == CG_EXPLAIN) return g->origin;
  if (*g->in.lease_id) return cg_service_home_of_lease(g->origin, g->in.lease_id);
  return cg_service_home_of_subject(g->origin, g->subject.id);
}

void cg_step_authenticate(struct cg_grant *g) {
  struct cg_service *o = g->origin;
  struct cg_err err = {0};
  if (!cg_auth_bearer(o->auth, g->in.authorization, g->in.client_addr, cg_service_now(o),
                      &g->subject, &g->identity, &err)) {
    cg_tally_refused(o->tally, g->in.client_addr, g->in.request_id, err.text);
    cg_step_fail(g, err.code, "%s", err.text);
    return;
  }
  g->home = home_of(g);
  cg_step_done(g);
}

static bool has_key(struct cg_lease *l, void *arg) {
  const struct cg_grant *g = arg;
  return l->state != CG_LEASE_ENDED && strcmp(l->key, g->in.key) == 0;
}

static bool take_terms(struct cg_grant *g, struct cg_lease *l) {
  g->camera_id = cg_arena_strdup(g->arena, l->camera);
  g->tier = l->tier;
  g->expires_us = l->expires_us;
  g->ends_us = l->ends_us;
  g->granted_us = l->granted_us;
  memcpy(g->lease_id, l->id, sizeof g->lease_id);
  return g->camera_id;
}

/* Its turn on the lease has come; the lease may have ended while it waited. */
static void turn_came(struct cg_grant *g, struct cg_lease *l) {
  l->busy = g->lease_busy = true;
  if (!take_terms(g, l)) {
    g->camera_id = "";
    cg_step_no_memory(g);
    return;
  }
  if (l->state != CG_LEASE_ENDED || g->op == CG_RELEASE) {
    cg_step_done(g);
    return;
  }
  cg_note_over(g);
  cg_step_fail(g, CG_E_GONE, "this lease is over: %s", cg_ended_by_name(l->ended_by));
}

void cg_note_over(struct cg_grant *g) {
  g->over = true;
  g->ended_by = g->lease->ended_by;
  const char *copy = cg_arena_strdup(g->arena, g->lease->ended_reason);
  g->ended_reason = copy ? copy : "";
}

/* The grant works on this lease alone, now or when those before it are through. */
static void claim(struct cg_grant *g, struct cg_lease *l) {
  struct cg_grant **last = &l->waiting;
  size_t ahead = 0;
  for (; *last; last = &(*last)->behind) ahead++;
  if (ahead >= WAITING_MAX) {
    cg_step_fail(g, CG_E_RATE, "too many requests for this lease wait already");
    return;
  }
  g->lease = cg_lease_ref(l);
  if (l->busy)
    *last = g;
  else
    turn_came(g, l);
}

static void yield_lease(struct cg_grant *g) {
  struct cg_lease *l = g->lease;
  if (!g->lease_busy) return;
  g->lease_busy = l->busy = false;
  struct cg_grant *next = l->waiting;
  if (!next) return;
  l->waiting = next->behind;
  next->behind = NULL;
  turn_came(next, l);
}

/* Each lease to replace is the caller's own and lives. */
static bool claim_replaced(struct cg_grant *g) {
  for (size_t i = 0; i < g->in.replace.n; i++) {
    const char *id = g->in.replace.items[i];
    struct cg_lease *l = cg_id_valid(id) ? cg_lease_find(g->home->leases, id) : NULL;
    if (!l || l->state != CG_LEASE_ACTIVE || strcmp(l->subject, g->subject.id) != 0) {
      cg_step_fail(g, CG_E_CONFLICT, "replace: \"%.40s\" is not a live lease of yours",
                   id);
      return false;
    }
    if (l->giving_way || l->busy) {
      cg_step_fail(g, CG_E_CONFLICT, "replace: another request works on %s now", l->id);
      return false;
    }
    l->giving_way = true;
    g->replaced[g->n_replaced++] = cg_lease_ref(l);
  }
  return true;
}

/* What one key stands for: the same request, word for word. */
static const char *fingerprint(const struct cg_grant *g) {
  if (!*g->in.key) return "";
  const char *print = cg_arena_printf(g->arena, "%s %d %lld", g->in.camera, g->in.quality,
                                      (long long)g->in.ttl_s);
  for (size_t i = 0; print && i < g->in.replace.n; i++)
    print = cg_arena_printf(g->arena, "%s %s", print, g->in.replace.items[i]);
  return print ? cg_arena_printf(g->arena, "%s %s", print, g->in.purpose) : NULL;
}

/* The same key again: the same lease, if it is the same request. */
static void replay(struct cg_grant *g, struct cg_lease *l, const char *print) {
  if (strcmp(l->fingerprint, print) != 0) {
    cg_step_fail(g, CG_E_INVALID,
                 "this Idempotency-Key was used for another request of yours");
  } else if (l->state == CG_LEASE_PENDING) {
    cg_step_fail(g, CG_E_CONFLICT,
                 "the first request with this Idempotency-Key is still under way");
  } else {
    g->replayed = true;
    claim(g, l);
  }
}

void cg_step_new_lease(struct cg_grant *g) {
  struct cg_service *h = g->home;
  g->arena = cg_arena_new(h->pool, (size_t)h->conf->arena_bytes);
  const char *print = g->arena ? fingerprint(g) : NULL;
  if (!print) {
    cg_step_no_memory(g);
    return;
  }
  struct cg_lease *known =
      *g->in.key ? cg_lease_of(h->leases, g->subject.id, has_key, g) : NULL;
  if (known) {
    replay(g, known, print);
    return;
  }
  if (cg_leases_full(h->leases)) {
    cg_step_fail(g, CG_E_BUSY, "this gate has as many leases as it can hold");
    return;
  }
  if (!claim_replaced(g)) return;
  int64_t now = cg_service_now(h);
  struct cg_id id = cg_id_new(&h->ids, now, cg_home_of(g->subject.id));
  g->lease =
      cg_lease_new(h->leases, id.text, &g->subject, g->in.camera, g->in.key, print);
  if (!g->lease) {
    cg_step_no_memory(g);
    return;
  }
  cg_lease_set_identity(g->lease, g->identity);
  if (!cg_lease_set_asked(g->lease, g->in.purpose, g->in.ttl_s)) {
    cg_step_no_memory(g);
    return;
  }
  g->lease->owner = h;
  g->lease->requested = g->in.quality;
  g->lease->granted_us = g->granted_us = now;
  memcpy(g->lease_id, id.text, sizeof g->lease_id);
  cg_step_done(g);
}

void cg_undo_new_lease(struct cg_grant *g) {
  if (g->lease && !g->replayed && g->lease->state == CG_LEASE_PENDING)
    cg_lease_drop(g->home->leases, g->lease);
  g->lease_id[0] = '\0';
}

static bool may_end_others(const struct cg_subject *s) {
  for (size_t i = 0; i < s->roles.n; i++)
    if (strcmp(s->roles.items[i], "admin") == 0) return true;
  return false;
}

void cg_step_own_lease(struct cg_grant *g) {
  g->arena = cg_arena_new(g->home->pool, (size_t)g->home->conf->arena_bytes);
  if (!g->arena) {
    cg_step_no_memory(g);
    return;
  }
  struct cg_lease *l = cg_lease_find(g->home->leases, g->in.lease_id);
  bool own = l && strcmp(l->subject, g->subject.id) == 0;
  if (!l || l->state == CG_LEASE_PENDING ||
      (!own && (g->op != CG_RELEASE || !may_end_others(&g->subject)))) {
    cg_step_fail(g, CG_E_NOT_FOUND, "you have no lease of this id");
    return;
  }
  g->foreign = !own;
  claim(g, l);
}

static bool lives_on_camera(struct cg_lease *l, void *arg) {
  const struct cg_grant *g = arg;
  return l->state == CG_LEASE_ACTIVE && strcmp(l->camera, g->in.camera) == 0;
}

void cg_step_lease_on_camera(struct cg_grant *g) {
  struct cg_service *h = g->home;
  g->arena = cg_arena_new(h->pool, (size_t)h->conf->arena_bytes);
  if (!g->arena) {
    cg_step_no_memory(g);
    return;
  }
  struct cg_lease *l = cg_lease_of(h->leases, g->subject.id, lives_on_camera, g);
  if (!l) {
    cg_step_fail(g, CG_E_NOT_FOUND, "you have no live lease on this camera");
    return;
  }
  claim(g, l);
}

static void activate(struct cg_grant *g) {
  struct cg_service *h = g->home;
  struct cg_lease *l = g->lease;
  l->state = CG_LEASE_ACTIVE;
  cg_lease_watch(h, l);
  cg_metric_add(h->metrics, h->worker, h->metric->live, 1);
  for (size_t i = 0; i < g->n_replaced; i++)
    cg_lease_end(h, g->replaced[i], CG_ENDED_REPLACED, l->id, NULL, NULL);
}

static void keep_beating(struct cg_grant *g) {
  struct cg_lease *l = g->lease;
  char old_room[CG_ROOM_MAX];
  memcpy(old_room, l->room, sizeof old_room);
  l->tier = g->tier;
  l->ends_us = g->ends_us;
  l->expires_us = g->expires_us;
  cg_lease_set_identity(l, g->identity);
  memcpy(l->room, g->room, strlen(g->room) + 1);
  if (strcmp(old_room, l->room) == 0) return;
  l->joined_us = 0;
  memset(l->sids, 0, sizeof l->sids);
  cg_put_out(g->home, old_room, l->id);
}

void cg_step_commit(struct cg_grant *g) {
  bool renewal = g->replayed || g->op == CG_TOKEN;
  if (g->op == CG_RESERVE && !g->replayed) {
    activate(g);
    cg_step_done(g);
  } else if (g->lease->state == CG_LEASE_ENDED) {
    cg_note_over(g);
    cg_step_fail(g, CG_E_GONE, "this lease is over: %s",
                 cg_ended_by_name(g->lease->ended_by));
  } else if (renewal) {
    cg_step_done(g);
  } else if (g->scopes_changed &&
             !cg_lease_set_scopes(g->lease, g->verdict->scopes, g->verdict->n_scopes)) {
    cg_step_no_memory(g);
  } else {
    keep_beating(g);
    cg_step_done(g);
  }
}

static void ended(void *arg, bool recorded) {
  struct cg_grant *g = arg;
  if (recorded)
    cg_step_done(g);
  else
    cg_step_fail(g, CG_E_UNAVAILABLE,
                 "the lease has ended, but the audit trail cannot record it now");
}

void cg_step_end(struct cg_grant *g) {
  char reason[160];
  snprintf(reason, sizeof reason, "%s by %.120s", g->foreign ? "ended" : "released",
           g->subject.id);
  cg_lease_end(g->home, g->lease, g->foreign ? CG_ENDED_REVOKED : CG_ENDED_RELEASED,
               reason, ended, g);
}

void cg_step_let_go(struct cg_grant *g) {
  yield_lease(g);
  cg_lease_unref(g->lease);
  cg_lease_unref(g->taken_over);
  for (size_t i = 0; i < g->n_replaced; i++) {
    g->replaced[i]->giving_way = false;
    cg_lease_unref(g->replaced[i]);
  }
  cg_policy_unref(g->policy);
  g->lease = g->taken_over = NULL;
  g->policy = NULL;
  g->n_replaced = 0;
  cg_step_done(g);
}
