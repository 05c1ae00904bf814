#include "table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "expiry.h"
#include "map.h"

#define DROPPED_AT_ONCE 64 /* holdings under one hold of the lock */

struct part;

/* holders: how many leases have it in their parts; first: of those that are entered. */
struct scope {
  struct map_node node; /* first */
  uint64_t in_use;
  size_t holders;
  struct part *first;
  char name[];
};

struct part {
  struct scope *scope;
  uint64_t weight;
  const struct lease *lease;
  struct part *prev, *next; /* of the scope's, while the lease is entered */
};

struct lease {
  struct map_node node; /* first */
  struct expiry_entry expiry;
  char *id; /* behind the parts */
  size_t n;
  struct part parts[];
};

struct table {
  pthread_mutex_t lock;
  struct map leases, scopes;
  struct expiry expiry;
};

struct table *table_new(size_t max_leases, size_t max_scopes) {
  struct map_key key;
  struct table *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  pthread_mutex_init(&t->lock, NULL);
  if (getrandom(&key, sizeof key, 0) == (ssize_t)sizeof key &&
      map_init(&t->leases, max_leases, key) && map_init(&t->scopes, max_scopes, key) &&
      expiry_init(&t->expiry, max_leases))
    return t;
  table_free(t);
  return NULL;
}

/* Scopes. */

static struct scope *scope_pin(struct table *t, const char *name) {
  struct scope *s = (struct scope *)map_find(&t->scopes, name);
  if (!s) {
    size_t n = strlen(name) + 1;
    if (map_full(&t->scopes) || !(s = calloc(1, sizeof *s + n))) return NULL;
    memcpy(s->name, name, n);
    map_add(&t->scopes, &s->node, s->name);
  }
  s->holders++;
  return s;
}

static void scope_unpin(struct table *t, struct scope *s) {
  if (--s->holders > 0) return;
  map_remove(&t->scopes, &s->node);
  free(s);
}

/* Leases: made (scopes pinned), then entered (counted, findable), then dropped. */

static void lease_unmake(struct table *t, struct lease *l) {
  for (size_t i = 0; i < l->n; i++) scope_unpin(t, l->parts[i].scope);
  free(l);
}

static struct lease *lease_make(struct table *t, const char *id,
                                const struct cgp_scope *scopes, size_t n) {
  size_t id_size = strlen(id) + 1;
  struct lease *l = malloc(sizeof *l + n * sizeof l->parts[0] + id_size);
  if (!l) return NULL;
  l->id = memcpy(&l->parts[n], id, id_size);
  for (l->n = 0; l->n < n; l->n++) {
    struct scope *s = scope_pin(t, CGP_AT(scopes, l->n)->name);
    if (!s) {
      lease_unmake(t, l);
      return NULL;
    }
    l->parts[l->n] = (struct part){.scope = s};
  }
  return l;
}

static uint64_t weight_of(const struct cgp_scope *scope, uint32_t kbps) {
  return scope->weighted ? kbps : 1;
}

static void lease_weigh(struct lease *l, const struct cgp_scope *scopes, uint32_t kbps) {
  for (size_t i = 0; i < l->n; i++)
    l->parts[i].weight = weight_of(CGP_AT(scopes, i), kbps);
}

static void lease_count(struct lease *l) {
  for (size_t i = 0; i < l->n; i++) l->parts[i].scope->in_use += l->parts[i].weight;
}

static void lease_uncount(struct lease *l) {
  for (size_t i = 0; i < l->n; i++) l->parts[i].scope->in_use -= l->parts[i].weight;
}

static void lease_link(struct lease *l) {
  for (size_t i = 0; i < l->n; i++) {
    struct part *p = &l->parts[i];
    p->lease = l;
    p->next = p->scope->first;
    if (p->next) p->next->prev = p;
    p->scope->first = p;
  }
}

static void lease_unlink(struct lease *l) {
  for (size_t i = 0; i < l->n; i++) {
    struct part *p = &l->parts[i];
    *(p->prev ? &p->prev->next : &p->scope->first) = p->next;
    if (p->next) p->next->prev = p->prev;
  }
}

static void lease_enter(struct table *t, struct lease *l, int64_t lapses_us) {
  lease_count(l);
  lease_link(l);
  map_add(&t->leases, &l->node, l->id);
  expiry_add(&t->expiry, &l->expiry, lapses_us);
}

static void lease_drop(struct table *t, struct lease *l) {
  lease_uncount(l);
  lease_unlink(l);
  map_remove(&t->leases, &l->node);
  expiry_remove(&t->expiry, &l->expiry);
  lease_unmake(t, l);
}

static struct lease *lease_find(struct table *t, const char *id) {
  return (struct lease *)map_find(&t->leases, id);
}

static struct lease *lease_of(struct expiry_entry *e) {
  return (struct lease *)((char *)e - offsetof(struct lease, expiry));
}

void table_free(struct table *t) {
  if (!t) return;
  if (t->expiry.heap)
    while (t->expiry.n > 0) lease_drop(t, lease_of(t->expiry.heap[0]));
  map_clear(&t->leases);
  map_clear(&t->scopes);
  expiry_clear(&t->expiry);
  pthread_mutex_destroy(&t->lock);
  free(t);
}

/* The ladder. */

/* The first scope that is full, as the number of its part; l->n: none. */
static size_t first_full(const struct cgp_quota_reserve *req, const struct lease *l,
                         uint32_t kbps) {
  for (size_t i = 0; i < l->n; i++) {
    const struct cgp_scope *scope = CGP_AT(req->scopes, i);
    uint64_t weight = weight_of(scope, kbps), limit = scope->limit;
    uint64_t in_use = l->parts[i].scope->in_use;
    if (weight <= limit && in_use <= limit - weight) continue;
    return i;
  }
  return l->n;
}

/* Who else holds it.  Ids are copied: they are the table's, under its lock. */
static void name_holders(const struct scope *s, const struct lease *old,
                         struct table_verdict *ret) {
  for (const struct part *p = s->first; p && ret->abi.n_holders < CGP_HOLDERS_MAX;
       p = p->next) {
    if (p->lease == old) continue;
    char *id = ret->ids[ret->abi.n_holders];
    ret->holders[ret->abi.n_holders++] =
        memcpy(id, p->lease->id, strlen(p->lease->id) + 1);
  }
  ret->abi.holders = ret->holders;
}

static void climb_down(const struct cgp_quota_reserve *req, const struct lease *l,
                       const struct lease *old, struct table_verdict *ret) {
  size_t full = 0;
  for (size_t rung = 0; rung < req->n_ladder; rung++) {
    full = first_full(req, l, req->ladder_kbps[rung]);
    if (full < l->n) continue;
    ret->abi = CGP_MAKE(cgp_quota_verdict, .granted = true, .rung = rung);
    return;
  }
  const struct cgp_scope *asked = CGP_AT(req->scopes, full);
  const struct scope *s = l->parts[full].scope;
  ret->abi = CGP_MAKE(cgp_quota_verdict, .scope = asked->name, .limit = asked->limit,
                      .in_use = s->in_use);
  name_holders(s, old, ret);
}

static int64_t after(int64_t now_us, uint32_t ttl_ms) {
  return now_us + (int64_t)ttl_ms * 1000;
}

static enum cgp_code reserve(struct table *t, const struct cgp_quota_reserve *req,
                             int64_t now_us, struct table_verdict *ret) {
  struct lease *old = lease_find(t, req->lease_id);
  if (!old && map_full(&t->leases)) return CGP_E_BUSY;
  struct lease *l = lease_make(t, req->lease_id, req->scopes, req->n_scopes);
  if (!l) return CGP_E_BUSY;
  if (old) lease_uncount(old);
  climb_down(req, l, old, ret);
  if (old) lease_count(old);
  if (!ret->abi.granted) {
    lease_unmake(t, l);
    return CGP_OK;
  }
  if (old) lease_drop(t, old);
  lease_weigh(l, req->scopes, req->ladder_kbps[ret->abi.rung]);
  lease_enter(t, l, after(now_us, req->ttl_ms));
  return CGP_OK;
}

enum cgp_code table_reserve(struct table *t, const struct cgp_quota_reserve *req,
                            int64_t now_us, struct table_verdict *ret) {
  pthread_mutex_lock(&t->lock);
  enum cgp_code code = reserve(t, req, now_us, ret);
  pthread_mutex_unlock(&t->lock);
  return code;
}

static enum cgp_code take(struct table *t, const struct cgp_quota_hold *hold,
                          struct lease *old, int64_t now_us) {
  if (!old && map_full(&t->leases)) return CGP_E_BUSY;
  struct lease *l = lease_make(t, hold->lease_id, hold->scopes, hold->n_scopes);
  if (!l) return CGP_E_BUSY;
  if (old) lease_drop(t, old);
  lease_weigh(l, hold->scopes, hold->kbps);
  lease_enter(t, l, after(now_us, hold->ttl_ms));
  return CGP_OK;
}

static bool same_scopes(const struct lease *l, const struct cgp_quota_hold *hold) {
  if (l->n != hold->n_scopes) return false;
  for (size_t i = 0; i < l->n; i++)
    if (strcmp(l->parts[i].scope->name, CGP_AT(hold->scopes, i)->name) != 0) return false;
  return true;
}

static enum cgp_code renew(struct table *t, const struct cgp_quota_hold *hold,
                           int64_t now_us, struct lease *l) {
  if (!same_scopes(l, hold)) return take(t, hold, l, now_us);
  lease_uncount(l);
  lease_weigh(l, hold->scopes, hold->kbps);
  lease_count(l);
  expiry_move(&t->expiry, &l->expiry, after(now_us, hold->ttl_ms));
  return CGP_OK;
}

enum cgp_code table_renew(struct table *t, const struct cgp_quota_hold *hold,
                          int64_t now_us, bool *ret_known) {
  pthread_mutex_lock(&t->lock);
  struct lease *l = lease_find(t, hold->lease_id);
  enum cgp_code code = l ? renew(t, hold, now_us, l) : CGP_OK;
  *ret_known = l != NULL;
  pthread_mutex_unlock(&t->lock);
  return code;
}

enum cgp_code table_restore(struct table *t, const struct cgp_quota_hold *hold,
                            int64_t now_us) {
  pthread_mutex_lock(&t->lock);
  struct lease *l = lease_find(t, hold->lease_id);
  int64_t lapses_us = after(now_us, hold->ttl_ms);
  enum cgp_code code = l ? CGP_OK : take(t, hold, NULL, now_us);
  if (l && l->expiry.at_us < lapses_us) expiry_move(&t->expiry, &l->expiry, lapses_us);
  pthread_mutex_unlock(&t->lock);
  return code;
}

void table_release(struct table *t, const char *const *lease_ids, size_t n) {
  for (size_t i = 0; i < n;) {
    pthread_mutex_lock(&t->lock);
    for (size_t end = i + DROPPED_AT_ONCE; i < n && i < end; i++) {
      struct lease *l = lease_find(t, lease_ids[i]);
      if (l) lease_drop(t, l);
    }
    pthread_mutex_unlock(&t->lock);
  }
}

uint64_t table_usage(struct table *t, const char *scope) {
  pthread_mutex_lock(&t->lock);
  const struct scope *s = (const struct scope *)map_find(&t->scopes, scope);
  uint64_t in_use = s ? s->in_use : 0;
  pthread_mutex_unlock(&t->lock);
  return in_use;
}

uint64_t table_sweep(struct table *t, int64_t now_us) {
  uint64_t lapsed = 0;
  for (bool more = true; more;) {
    struct expiry_entry *due = NULL;
    pthread_mutex_lock(&t->lock);
    for (int i = 0; i < DROPPED_AT_ONCE && (due = expiry_due(&t->expiry, now_us)); i++) {
      lease_drop(t, lease_of(due));
      lapsed++;
    }
    more = due != NULL;
    pthread_mutex_unlock(&t->lock);
  }
  return lapsed;
}

struct table_counts table_count(struct table *t) {
  pthread_mutex_lock(&t->lock);
  struct table_counts counts = {.leases = t->leases.n,
                                .scopes = t->scopes.n,
                                .full = map_full(&t->leases) || map_full(&t->scopes)};
  pthread_mutex_unlock(&t->lock);
  return counts;
}
