#include "lease/restore.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lease/end.h"

#define ARENA_MAX ((size_t)1024 * 1024 * 1024)
#define AT_ONCE   1000 /* holdings of one call to the quota */

/* One lease as the trail has it; everything in the restorer's arena. */
struct found {
  struct found *next; /* of the same home */
  const char *id, *holding, *subject, *name, *camera, *room;
  int tier, requested;
  int64_t granted_us, ends_us;
  struct cg_scope_ask *scopes;
  struct cgp_scope *held;
  size_t n_scopes;
  const char *replaces[CG_REPLACE_MAX]; /* leases whose end may be missing in the trail */
  size_t n_replaces;
};

struct restorer {
  struct cg_service *g;
  struct cg_arena *arena;
  struct found **by_home;
  struct cgp_quota_hold *holds;
  size_t n, n_held, n_homes;
  bool failed;
  void (*fn)(void *arg, const struct cg_err *err, size_t n);
  void *arg;
};

static void over(struct restorer *r, const struct cg_err *err) {
  r->fn(r->arg, err, r->n);
  cg_arena_free(r->arena, NULL);
  cg_free(r);
}

static const char *text_of(struct restorer *r, json_t *facts, const char *key,
                           const char *otherwise) {
  const char *text = json_string_value(json_object_get(facts, key));
  return cg_arena_strdup(r->arena, text ? text : otherwise);
}

static int64_t time_of(json_t *facts, const char *key) {
  int64_t us = 0;
  const char *text = json_string_value(json_object_get(facts, key));
  return text && cg_time_parse(text, &us) ? us : 0;
}

static bool read_scopes(struct restorer *r, struct found *f, json_t *list) {
  size_t n = json_array_size(list);
  f->n_scopes = n < CG_SCOPES_MAX ? n : CG_SCOPES_MAX;
  f->scopes = cg_arena_zalloc(r->arena, (n + 1) * sizeof *f->scopes);
  f->held = cg_arena_zalloc(r->arena, (n + 1) * sizeof *f->held);
  for (size_t i = 0; f->scopes && f->held && i < f->n_scopes; i++) {
    json_t *s = json_array_get(list, i);
    const char *name = text_of(r, s, "name", "");
    if (!name) return false;
    uint64_t limit = (uint64_t)json_integer_value(json_object_get(s, "limit"));
    bool weighted = json_is_true(json_object_get(s, "kbps"));
    f->scopes[i] = (struct cg_scope_ask){name, limit, weighted};
    f->held[i] = CGP_MAKE(cgp_scope, weighted, name, limit);
  }
  return f->scopes && f->held;
}

static bool read_replaces(struct restorer *r, struct found *f, json_t *list) {
  for (size_t i = 0; i < json_array_size(list) && i < CG_REPLACE_MAX; i++) {
    const char *id = json_string_value(json_array_get(list, i));
    if (!id || !cg_id_valid(id)) continue;
    if (!(f->replaces[f->n_replaces++] = cg_arena_strdup(r->arena, id))) return false;
  }
  return true;
}

static bool known_tier(const struct restorer *r, const char *name, int *tier) {
  *tier = cg_tier_find(&r->g->conf->tiers, name);
  return *tier != CG_TIER_NONE;
}

static bool read_row(struct restorer *r, const struct cgp_audit_row *row) {
  struct cg_err err;
  struct found *f = cg_arena_zalloc(r->arena, sizeof *f);
  json_t *facts = cg_json_parse(row->facts, strlen(row->facts), &err);
  bool ok = f && facts && cg_id_valid(row->lease_id);
  if (ok) {
    f->id = cg_arena_strdup(r->arena, row->lease_id);
    f->subject = cg_arena_strdup(r->arena, row->subject);
    f->camera = cg_arena_strdup(r->arena, row->camera);
    f->holding = text_of(r, facts, "holding", row->lease_id);
    f->name = text_of(r, facts, "name", "");
    f->room = text_of(r, facts, "room", "");
    f->granted_us = time_of(facts, "granted_at");
    f->ends_us = time_of(facts, "ends_at");
    known_tier(r, row->quality_requested, &f->requested);
    ok = read_scopes(r, f, json_object_get(facts, "scopes")) &&
         read_replaces(r, f, json_object_get(facts, "replaces")) && f->id && f->subject &&
         f->camera && f->holding && f->name && f->room &&
         known_tier(r, row->quality, &f->tier);
  }
  json_decref(facts);
  if (!ok) {
    CG_LOG(r->g->log, CG_ERROR, "a live lease of the trail cannot be read back",
           {"lease_id", row->lease_id});
    return !cg_id_valid(row->lease_id) || f; /* without memory: give up */
  }
  size_t home = cg_id_home(f->id) % r->g->n_workers;
  f->next = r->by_home[home];
  r->by_home[home] = f;
  r->holds[r->n++] = (struct cgp_quota_hold){
      .size = sizeof *r->holds,
      .lease_id = f->holding,
      .scopes = f->held,
      .n_scopes = f->n_scopes,
      .kbps = r->g->conf->tiers.items[f->tier].kbps,
      .ttl_ms = (uint32_t)(r->g->conf->lapse_s + r->g->conf->beat_s) * 1000,
  };
  return true;
}

/* ---- each home takes its own ---- */

static bool take(struct cg_service *h, const struct found *f) {
  struct cg_subject who = {.id = f->subject, .name = f->name};
  if (cg_lease_find(h->leases, f->id)) return true; /* an attempt before this one */
  struct cg_lease *l = cg_lease_new(h->leases, f->id, &who, f->camera, "", "");
  if (!l) return false;
  l->owner = h;
  l->state = CG_LEASE_ACTIVE;
  l->tier = f->tier;
  l->requested = f->requested;
  l->granted_us = f->granted_us;
  l->ends_us = f->ends_us;
  l->expires_us = cg_service_now(h) + h->conf->lapse_s * 1000000;
  if (l->expires_us > l->ends_us) l->expires_us = l->ends_us;
  snprintf(l->holding, sizeof l->holding, "%s", f->holding);
  snprintf(l->room, sizeof l->room, "%s", f->room);
  bool ok = cg_lease_set_scopes(l, f->scopes, f->n_scopes);
  cg_lease_watch(h, l);
  cg_metric_add(h->metrics, h->worker, h->metric->live, 1);
  cg_lease_unref(l);
  return ok;
}

static bool older_on_the_same_holding(struct cg_lease *l, void *with) {
  const struct cg_lease *newer = with;
  return l->state == CG_LEASE_ACTIVE && strcmp(l->holding, newer->holding) == 0 &&
         strcmp(l->id, newer->id) < 0; /* ids begin with their time */
}

static void end_replaced(struct cg_service *h, struct cg_lease *l,
                         const struct found *by) {
  if (!l || l->state != CG_LEASE_ACTIVE) return;
  l->holding_moved = strcmp(l->holding, by->holding) == 0;
  cg_lease_end(h, l, CG_ENDED_REPLACED, by->id, NULL, NULL);
}

/* The process ended between the row of a grant and the ends of what it replaced. */
static void finish_replacing(struct cg_service *h, const struct found *f) {
  struct cg_lease *own = cg_lease_find(h->leases, f->id), *old;
  while (own &&
         (old = cg_lease_of(h->leases, f->subject, older_on_the_same_holding, own)))
    end_replaced(h, old, f);
  for (size_t i = 0; i < f->n_replaces; i++)
    end_replaced(h, cg_lease_find(h->leases, f->replaces[i]), f);
}

struct share {
  struct restorer *r;
  struct cg_service *home;
  const struct found *first;
  bool ok;
};

static void taken(void *arg) {
  struct share *s = arg;
  struct restorer *r = s->r;
  r->failed = r->failed || !s->ok;
  if (--r->n_homes > 0) return;
  struct cg_err err = {0};
  if (r->failed) cg_fail(&err, CG_E_MEMORY, "not every live lease could be taken back");
  over(r, r->failed ? &err : NULL);
}

static void take_share(void *arg) {
  struct share *s = arg;
  s->ok = true;
  for (const struct found *f = s->first; f; f = f->next)
    s->ok = take(s->home, f) && s->ok;
  for (const struct found *f = s->first; s->ok && f; f = f->next)
    finish_replacing(s->home, f);
  while (!cg_loop_post(s->r->g->loop, taken, s))
    ; /* at start the mailbox empties without us */
}

static void share_out(struct restorer *r) {
  struct share *shares = cg_arena_zalloc(r->arena, r->g->n_workers * sizeof *shares);
  r->n_homes = r->g->n_workers;
  for (uint32_t i = 0; shares && i < r->g->n_workers; i++) {
    shares[i] = (struct share){.r = r, .home = r->g->peers[i], .first = r->by_home[i]};
    if (!cg_loop_post(shares[i].home->loop, take_share, &shares[i])) shares = NULL;
  }
  if (shares) return;
  struct cg_err err;
  cg_fail(&err, CG_E_MEMORY, "no memory to take the live leases back");
  over(r, &err);
}

/* ---- the quota first ---- */

static void hold_some(struct restorer *r);

static void held(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct restorer *r = arg;
  (void)result;
  if (code == CGP_OK) {
    hold_some(r);
    return;
  }
  struct cg_err err;
  cg_fail(&err, cg_code_of(code), "quota: %s", text);
  over(r, &err);
}

static void hold_some(struct restorer *r) {
  size_t left = r->n - r->n_held;
  if (left == 0) {
    share_out(r);
    return;
  }
  struct cgp_quota_hold *from = r->holds + r->n_held;
  size_t n = left < AT_ONCE ? left : AT_ONCE;
  r->n_held += n;
  cg_quota_restore(r->g->drivers, from, n, held, r);
}

static void read_trail(void *arg, enum cgp_code code, const void *result,
                       const char *text) {
  struct restorer *r = arg;
  const struct cgp_audit_rows *rows = result;
  struct cg_err err;
  if (code != CGP_OK) {
    cg_fail(&err, cg_code_of(code), "audit: %s", text);
    over(r, &err);
    return;
  }
  r->holds = cg_arena_alloc(r->arena, (rows->n + 1) * sizeof *r->holds);
  bool ok = r->holds;
  for (size_t i = 0; ok && i < rows->n; i++) ok = read_row(r, CGP_AT(rows->rows, i));
  if (ok) {
    hold_some(r);
    return;
  }
  cg_fail(&err, CG_E_MEMORY, "no memory for the live leases of the trail");
  over(r, &err);
}

void cg_restore(struct cg_service *g,
                void (*fn)(void *arg, const struct cg_err *err, size_t n), void *arg) {
  struct cg_err err;
  struct restorer *r = cg_alloc(sizeof *r);
  struct cg_arena *arena = cg_arena_new(NULL, ARENA_MAX);
  struct found **by_home =
      arena ? cg_arena_zalloc(arena, g->n_workers * sizeof(void *)) : NULL;
  if (!r || !by_home) {
    cg_free(r);
    cg_arena_free(arena, NULL);
    cg_fail(&err, CG_E_MEMORY, "no memory to read the trail");
    fn(arg, &err, 0);
    return;
  }
  *r =
      (struct restorer){.g = g, .arena = arena, .by_home = by_home, .fn = fn, .arg = arg};
  cg_audit_live(g->drivers, read_trail, r);
}
