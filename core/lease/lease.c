#include "lease/lease.h"

#include <stdio.h>
#include <string.h>

#include "auth/identity.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"

_Static_assert(CG_TIERS_MAX <= CGP_LADDER_MAX && CG_ID_LEN <= CGP_LEASE_ID_MAX,
               "what the gate may ask fits the ABI's rules");

#define PART_LEASES 1024 /* of cg_leases_part, or a few more */

/* A subject that has live leases. */
struct cg_holder {
  struct cg_holder *next; /* of its bucket */
  struct cg_list leases;  /* that have not ended, in order of their making */
  char subject[];
};

struct cg_leases {
  struct cg_lease **by_id;
  struct cg_holder **by_subject;
  size_t n_buckets, n, n_ended, max;
  struct cg_list tombs; /* in order of ending */
};

static const char *const ended_names[] = {"released",  "expired",  "revoked",
                                          "preempted", "replaced", "room_closed"};

const char *cg_ended_by_name(enum cg_ended_by by) {
  return ended_names[by];
}

static size_t bucket_of(const struct cg_leases *t, const char *text) {
  return cg_hash(text, strlen(text)) & (t->n_buckets - 1);
}

static struct cg_lease **id_bucket(const struct cg_leases *t, const char *id) {
  return &t->by_id[bucket_of(t, id)];
}

/* Where the subject's holder hangs, or would: *ret is NULL then. */
static struct cg_holder **find_holder(const struct cg_leases *t, const char *subject) {
  struct cg_holder **h = &t->by_subject[bucket_of(t, subject)];
  while (*h && strcmp((*h)->subject, subject) != 0) h = &(*h)->next;
  return h;
}

static struct cg_holder *make_holder(struct cg_leases *t, const char *subject) {
  struct cg_holder **h = find_holder(t, subject);
  if (*h) return *h;
  size_t n = strlen(subject) + 1;
  if (!(*h = cg_alloc(sizeof **h + n))) return NULL;
  memcpy((*h)->subject, subject, n);
  return *h;
}

/* Nothing when it ended before. */
static void leave_holder(struct cg_leases *t, struct cg_lease *l) {
  struct cg_holder *h = l->holder;
  if (!h) return;
  cg_list_remove(&h->leases, &l->in_holder);
  l->holder = NULL;
  if (h->leases.first) return;
  *find_holder(t, h->subject) = h->next;
  cg_free(h);
}

struct cg_leases *cg_leases_new(size_t max) {
  struct cg_leases *t = cg_alloc(sizeof *t);
  if (!t) return NULL;
  t->max = max;
  for (t->n_buckets = 1024; t->n_buckets < max && t->n_buckets < 65536;)
    t->n_buckets *= 2;
  t->by_id = cg_alloc(t->n_buckets * sizeof *t->by_id);
  t->by_subject = cg_alloc(t->n_buckets * sizeof *t->by_subject);
  if (!t->by_id || !t->by_subject) {
    cg_leases_free(t);
    return NULL;
  }
  return t;
}

void cg_leases_free(struct cg_leases *t) {
  if (!t) return;
  for (size_t i = 0; t->by_id && i < t->n_buckets; i++)
    while (t->by_id[i]) cg_lease_drop(t, t->by_id[i]);
  cg_free(t->by_id);
  cg_free(t->by_subject);
  cg_free(t);
}

static const char *put(char **at, const char *text) {
  size_t n = strlen(text) + 1;
  char *to = memcpy(*at, text, n);
  *at += n;
  return to;
}

struct cg_lease *cg_lease_new(struct cg_leases *t, const char *id,
                              const struct cg_subject *who, const char *camera,
                              const char *key, const char *fingerprint) {
  size_t text =
      strlen(who->id) + strlen(who->name) + strlen(key) + strlen(fingerprint) + 4;
  struct cg_lease *l = cg_alloc(sizeof *l + text);
  struct cg_holder *holder = l ? make_holder(t, who->id) : NULL;
  if (!holder) {
    cg_free(l);
    return NULL;
  }
  char *at = (char *)(l + 1);
  l->subject = put(&at, who->id);
  l->name = put(&at, who->name);
  l->key = put(&at, key);
  l->fingerprint = put(&at, fingerprint);
  snprintf(l->id, sizeof l->id, "%s", id);
  memcpy(l->holding, l->id, sizeof l->id);
  snprintf(l->camera, sizeof l->camera, "%s", camera);
  l->tier = l->requested = CG_TIER_NONE;
  l->refs = 2;
  struct cg_lease **b = id_bucket(t, l->id);
  l->next_id = *b;
  *b = l;
  l->holder = holder;
  cg_list_add(&holder->leases, &l->in_holder);
  t->n++;
  return l;
}

void cg_lease_set_identity(struct cg_lease *l, struct cg_identity *id) {
  struct cg_identity *old = l->identity;
  l->identity = id ? cg_identity_ref(id) : NULL;
  l->name = id ? cg_identity_subject(id)->name : "";
  cg_identity_unref(old);
}

bool cg_lease_set_asked(struct cg_lease *l, const char *purpose, int64_t ttl_s) {
  cg_free(l->purpose);
  l->purpose = *purpose ? cg_strdup(purpose) : NULL;
  l->asked_ttl_s = ttl_s;
  return l->purpose || !*purpose;
}

bool cg_lease_set_scopes(struct cg_lease *l, const struct cg_scope_ask *scopes,
                         size_t n) {
  size_t text = 0;
  for (size_t i = 0; i < n; i++) text += strlen(scopes[i].name) + 1;
  struct cg_scope_ask *own = n ? cg_alloc(n * sizeof *own + text) : NULL;
  if (n && !own) return false;
  char *at = own ? (char *)(own + n) : NULL;
  for (size_t i = 0; i < n; i++) {
    own[i] = scopes[i];
    own[i].name = put(&at, scopes[i].name);
  }
  cg_free(l->scopes);
  l->scopes = own;
  l->n_scopes = n;
  return true;
}

bool cg_lease_same_scopes(const struct cg_lease *l, const struct cg_scope_ask *scopes,
                          size_t n) {
  if (n != l->n_scopes) return false;
  for (size_t i = 0; i < n; i++)
    if (scopes[i].limit != l->scopes[i].limit ||
        scopes[i].weighted != l->scopes[i].weighted ||
        strcmp(scopes[i].name, l->scopes[i].name) != 0)
      return false;
  return true;
}

bool cg_lease_holds(const struct cg_lease *l, const char *scope) {
  for (size_t i = 0; i < l->n_scopes; i++)
    if (strcmp(l->scopes[i].name, scope) == 0) return true;
  return false;
}

void cg_lease_room(const struct cg_tiers *tiers, const char *camera, int tier,
                   char out[CG_ROOM_MAX]) {
  if (tier == tiers->n - 1)
    snprintf(out, CG_ROOM_MAX, "camera_%s", camera);
  else
    snprintf(out, CG_ROOM_MAX, "camera_%s.%s", camera, cg_tier_name(tiers, tier));
}

struct cg_lease *cg_lease_ref(struct cg_lease *l) {
  l->refs++;
  return l;
}

void cg_lease_unref(struct cg_lease *l) {
  if (!l || --l->refs > 0) return;
  cg_timer_stop(&l->timer);
  cg_identity_unref(l->identity);
  cg_free(l->purpose);
  cg_free(l->scopes);
  cg_free(l);
}

void cg_lease_drop(struct cg_leases *t, struct cg_lease *l) {
  struct cg_lease **p = id_bucket(t, l->id);
  while (*p && *p != l) p = &(*p)->next_id;
  if (!*p) return;
  *p = l->next_id;
  leave_holder(t, l);
  if (l->state == CG_LEASE_ENDED) {
    cg_list_remove(&t->tombs, &l->in_tombs);
    t->n_ended--;
  }
  t->n--;
  cg_timer_stop(&l->timer);
  cg_lease_unref(l);
}

bool cg_lease_bury(struct cg_leases *t, struct cg_lease *l, enum cg_ended_by by,
                   const char *reason) {
  if (l->state == CG_LEASE_ENDED) return false;
  l->state = CG_LEASE_ENDED;
  l->ended_by = by;
  cg_lease_set_identity(l, NULL); /* nobody decides it again */
  cg_utf8_copy(l->ended_reason, sizeof l->ended_reason, reason);
  leave_holder(t, l);
  cg_list_add(&t->tombs, &l->in_tombs);
  t->n_ended++;
  while (t->n_ended > CG_TOMBSTONES)
    cg_lease_drop(t, CG_CONTAINER(t->tombs.first, struct cg_lease, in_tombs));
  return true;
}

struct cg_lease *cg_lease_find(struct cg_leases *t, const char *id) {
  struct cg_lease *l = *id_bucket(t, id);
  while (l && strcmp(l->id, id) != 0) l = l->next_id;
  return l;
}

struct cg_lease *cg_lease_of(struct cg_leases *t, const char *subject,
                             bool (*fits)(struct cg_lease *l, void *with), void *with) {
  struct cg_holder *h = *find_holder(t, subject);
  for (struct cg_link *at = h ? h->leases.last : NULL; at; at = at->prev) {
    struct cg_lease *l = CG_CONTAINER(at, struct cg_lease, in_holder);
    if (fits(l, with)) return l;
  }
  return NULL;
}

void cg_leases_each(struct cg_leases *t, bool (*visit)(struct cg_lease *l, void *arg),
                    void *arg) {
  for (size_t i = 0; i < t->n_buckets; i++)
    for (struct cg_lease *l = t->by_id[i]; l; l = l->next_id)
      if (!visit(l, arg)) return;
}

bool cg_leases_part(struct cg_leases *t, size_t *at,
                    bool (*visit)(struct cg_lease *l, void *arg), void *arg) {
  size_t n = 0;
  for (; *at < t->n_buckets && n < PART_LEASES; (*at)++)
    for (struct cg_lease *l = t->by_id[*at]; l; l = l->next_id, n++)
      if (!visit(l, arg)) return false;
  return *at < t->n_buckets;
}

bool cg_leases_full(const struct cg_leases *t) {
  return cg_leases_live(t) >= t->max;
}

size_t cg_leases_live(const struct cg_leases *t) {
  return t->n - t->n_ended;
}

size_t cg_leases_in_all(const struct cg_leases *t) {
  return t->n;
}
