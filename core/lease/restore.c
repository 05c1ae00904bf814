#include "lease/restore.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lease/end.h"
#include "lease/holding.h"
#include "lease/rooms.h"
#include "lease/terms.h"

#define ARENA_MAX ((size_t)1024 * 1024 * 1024)
#define AT_ONCE   1000 /* holdings of one call to the quota */

/* One lease as the trail has it; in the restorer's arena. */
struct found {
  struct found *next; /* of the same home */
  struct cg_lease_terms terms;
  int64_t ends_mono_us; /* as of the reading: the clock may be set before it is taken */
};

/* The rows are looked at from the newest to the oldest: what the wall clock was set by
 * behind the one that is looked at. */
static int64_t step_us(struct cg_service *g, const struct cgp_audit_row *row) {
  struct cg_err err = {0};
  json_t *facts = cg_json_parse(row->facts, strlen(row->facts), &err);
  const json_t *ms = json_object_get(facts, "step_ms");
  int64_t step = json_integer_value(ms), most = INT64_MAX / 4000;
  bool odd = !json_is_integer(ms) || step < -most || step > most;
  if (odd)
    CG_LOG(g->log, CG_ERROR, "a step of the wall clock in the trail cannot be read",
           {"error", err.text});
  json_decref(facts);
  return odd ? 0 : step * 1000;
}

struct restorer {
  struct cg_service *g;
  struct cg_arena *arena;
  struct found **by_home;
  struct cgp_quota_hold *holds;
  size_t n, n_held, n_homes;
  int64_t stepped_us; /* the wall clock, behind the row that is read */
  bool failed;
  void (*fn)(void *arg, const struct cg_err *err, size_t n);
  void *arg;
};

static void over(struct restorer *r, const struct cg_err *err) {
  for (size_t i = 0; i < r->g->n_workers; i++)
    for (const struct found *f = r->by_home[i]; f; f = f->next)
      cg_identity_unref(f->terms.identity);
  r->fn(r->arg, err, r->n);
  cg_arena_free(r->arena, NULL);
  cg_free(r);
}

/* false: no memory. */
static bool hold(struct restorer *r, const struct cg_lease_terms *t) {
  struct cgp_scope *held = cg_arena_alloc(r->arena, (t->n_scopes + 1) * sizeof *held);
  if (!held) return false;
  cg_holding_scopes(held, t->scopes, t->n_scopes);
  r->holds[r->n++] = cg_holding_of(r->g->conf, t->holding, t->tier, held, t->n_scopes);
  return true;
}

/* false: no memory.  What cannot be read is logged and left where it is. */
static bool read_row(struct restorer *r, const struct cgp_audit_row *row) {
  struct cg_err err = {0};
  struct found *f = cg_arena_zalloc(r->arena, sizeof *f);
  if (!f) return false;
  if (!cg_terms_of_row(row, &r->g->conf->tiers, r->arena, &f->terms, &err)) {
    CG_LOG(r->g->log, CG_ERROR, "a live lease of the trail cannot be read back",
           {"lease_id", row->lease_id}, {"error", err.text});
    return err.code != CG_E_MEMORY;
  }
  f->terms.granted_us += r->stepped_us;
  f->terms.ends_us += r->stepped_us;
  f->ends_mono_us = cg_teller_mono_trail(r->g->teller, f->terms.ends_us);
  uint32_t home = cg_service_home_of_lease(r->g, f->terms.id)->worker;
  f->next = r->by_home[home];
  r->by_home[home] = f;
  return hold(r, &f->terms);
}

static bool read_any_row(struct restorer *r, const struct cgp_audit_row *row) {
  if (strcmp(row->kind, "clock") != 0) return read_row(r, row);
  r->stepped_us += step_us(r->g, row);
  return true;
}

/* ---- each home takes its own ---- */

/* The trail has what the wall clock said.  However that was set since, nobody gets more
 * than the lease had when it began. */
static void set_clocks(struct cg_service *h, struct cg_lease *l, const struct found *f) {
  const struct cg_lease_terms *t = &f->terms;
  int64_t now = cg_service_mono(h), length = t->ends_us - t->granted_us;
  l->granted_us = t->granted_us;
  l->ends_mono_us = f->ends_mono_us < now + length ? f->ends_mono_us : now + length;
  l->granted_mono_us = l->ends_mono_us - length;
  l->expires_mono_us = cg_lease_lapses(h, l);
}

static bool set_terms(struct cg_lease *l, const struct cg_lease_terms *t) {
  l->tier = t->tier;
  l->requested = t->requested;
  snprintf(l->holding, sizeof l->holding, "%s", t->holding);
  snprintf(l->room, sizeof l->room, "%s", t->room);
  if (t->identity) cg_lease_set_identity(l, t->identity);
  return cg_lease_set_asked(l, t->purpose, t->ttl_s) &&
         cg_lease_set_scopes(l, t->scopes, t->n_scopes);
}

static bool take(struct cg_service *h, const struct found *f) {
  const struct cg_lease_terms *t = &f->terms;
  struct cg_subject who = {.id = t->subject, .name = t->name};
  if (cg_lease_find(h->leases, t->id)) return true; /* an attempt before this one */
  struct cg_lease *l = cg_lease_new(h->leases, t->id, &who, t->camera, "", "");
  if (!l) return false;
  bool ok = set_terms(l, t);
  if (ok) {
    l->owner = h;
    l->state = CG_LEASE_ACTIVE;
    set_clocks(h, l, f);
    l->look_back = true;
    cg_lease_watch(h, l);
    cg_rooms_place(h->rooms, l);
    cg_metric_add(h->metrics, h->worker, h->metric->live, 1);
  } else {
    cg_lease_drop(h->leases, l);
  }
  cg_lease_unref(l);
  return ok;
}

struct older {
  const struct cg_lease *newer;
  bool passed; /* of the subject's leases, newest first */
};

static bool older_on_the_same_holding(struct cg_lease *l, void *with) {
  struct older *o = with;
  bool passed = o->passed;
  if (l == o->newer) o->passed = true;
  return passed && l->state == CG_LEASE_ACTIVE &&
         strcmp(l->holding, o->newer->holding) == 0;
}

static struct cg_lease *find_older(struct cg_service *h, const struct cg_lease *newer) {
  struct older o = {newer, false};
  return cg_lease_of(h->leases, newer->subject, older_on_the_same_holding, &o);
}

static void end_replaced(struct cg_service *h, struct cg_lease *l,
                         const struct cg_lease_terms *by) {
  if (!l || l->state != CG_LEASE_ACTIVE) return;
  l->holding_moved = strcmp(l->holding, by->holding) == 0;
  cg_lease_end(h, l, CG_ENDED_REPLACED, by->id, NULL, NULL);
}

/* The process ended between the row of a grant and the ends of what it replaced. */
static void finish_replacing(struct cg_service *h, const struct cg_lease_terms *t) {
  struct cg_lease *own = cg_lease_find(h->leases, t->id), *old;
  bool took_over = strcmp(t->holding, t->id) != 0;
  while (own && took_over && (old = find_older(h, own))) end_replaced(h, old, t);
  for (size_t i = 0; i < t->replaces.n; i++)
    end_replaced(h, cg_lease_find(h->leases, t->replaces.items[i]), t);
}

struct share {
  struct cg_mail mail;
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
  s->ok = !cg_service_closed(s->home);
  for (const struct found *f = s->ok ? s->first : NULL; f; f = f->next)
    s->ok = take(s->home, f) && s->ok;
  for (const struct found *f = s->first; s->ok && f; f = f->next)
    finish_replacing(s->home, &f->terms);
  cg_loop_send(s->r->g->loop, &s->mail, taken, s);
}

static void share_out(struct restorer *r) {
  struct share *shares = cg_arena_zalloc(r->arena, r->g->n_workers * sizeof *shares);
  if (!shares) {
    struct cg_err err;
    cg_fail(&err, CG_E_MEMORY, "no memory to take the live leases back");
    over(r, &err);
    return;
  }
  r->n_homes = r->g->n_workers;
  for (uint32_t i = 0; i < r->n_homes; i++) {
    struct share *s = &shares[i];
    *s = (struct share){.r = r, .home = r->g->peers[i], .first = r->by_home[i]};
    cg_loop_send(s->home->loop, &s->mail, take_share, s);
  }
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
  /* each home's list begins with its oldest: the table has them in the trail's order */
  r->holds = cg_arena_alloc(r->arena, (rows->n + 1) * sizeof *r->holds);
  bool ok = r->holds;
  for (size_t i = rows->n; ok && i-- > 0;) ok = read_any_row(r, CGP_AT(rows->rows, i));
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
