/* lease.h - the leases of one worker: who watches which camera, until when.
 *
 * A lease is pending while its grant is under way, active once its audit row is durable,
 * and ended exactly once.  Ended leases stay as tombstones for CG_TOMBSTONE_US, so that a
 * late heartbeat hears why (410) and a late join is put out; at most CG_TOMBSTONES of
 * them, the oldest go first.  Ending and dropping cost the same however many leases the
 * subject has.  All leases of one subject live on one worker (id.h), so every question
 * about a subject is answered here without asking around.
 * References: the table holds one; a grant under way holds one (cg_lease_ref).
 * One thread.
 */
#ifndef CG_LEASE_LEASE_H
#define CG_LEASE_LEASE_H

#include "base/id.h"
#include "base/list.h"
#include "base/loop.h"
#include "lease/connections.h"
#include "plugin/names.h"
#include "policy/policy.h"

#define CG_REPLACE_MAX 16 /* leases that one reserve may replace */

#define CG_GAPS_MAX 60 /* who has not beaten behind so many does not beat */

#define CG_TOMBSTONES   16384
#define CG_TOMBSTONE_US (600 * INT64_C(1000000))

enum cg_lease_state { CG_LEASE_PENDING, CG_LEASE_ACTIVE, CG_LEASE_ENDED };

enum cg_ended_by {
  CG_ENDED_RELEASED,
  CG_ENDED_EXPIRED,
  CG_ENDED_REVOKED,
  CG_ENDED_PREEMPTED,
  CG_ENDED_REPLACED,
  CG_ENDED_ROOM_CLOSED,
};
const char *cg_ended_by_name(enum cg_ended_by by);

struct cg_grant;

/* Something asked of a plugin until it succeeds (retry.h). */
struct cg_retry {
  struct cg_link link;
  struct cg_lease *lease; /* it lies in; NULL: in memory of its own */
  const char *id, *room;  /* a holding, or a participant and its room */
  int64_t until_mono_us;  /* then it is given up */
};

struct cg_lease {
  char id[CG_ID_LEN + 1];
  char holding[CG_ID_LEN + 1]; /* name in the quota: another lease's when taken over */
  enum cg_lease_state state;
  enum cg_ended_by ended_by; /* and ended_reason: once ended */
  char ended_reason[CG_REASON_MAX + 1];

  const char *subject, *key, *fingerprint; /* own text; key "" = none */
  const char *name;                        /* own text, or the identity's */
  struct cg_identity *identity; /* as last decided with; NULL: not known, or ended */
  char *purpose;                /* as asked; own; NULL = none */
  int64_t asked_ttl_s;          /* 0 = none */
  char camera[CGP_CAMERA_ID_MAX + 1];
  char room[CG_ROOM_MAX];
  int tier, requested;         /* indexes; requested may be CG_TIER_NONE */
  struct cg_scope_ask *scopes; /* own; names in one block with them */
  size_t n_scopes;
  int64_t granted_us, left_us; /* wall: they tell; 0 = not yet */
  struct cg_moment joined;     /* zeroed: not yet */
  int64_t granted_mono_us;
  int64_t expires_mono_us, ends_mono_us; /* deadlines, once it is active */
  bool spared;                           /* by a gap since its last beat (gap.h) */
  uint8_t gaps;                          /* since its last beat, CG_GAPS_MAX at most */
  struct cg_connections connections;
  struct cg_moment ensured; /* the room was opened, or known to be open */
  bool room_gone;           /* the SFU closed the room since then */
  bool giving_way;          /* a grant under way is to replace it */
  bool holding_moved;       /* that grant, or lease, took the holding over */

  uint32_t refs;
  bool busy;                /* one grant at a time works on it */
  struct cg_grant *waiting; /* those behind it, in order */
  struct cg_timer timer;
  void *owner;              /* the worker's struct cg_service */
  struct cg_lease *next_id; /* of the table's bucket */
  struct cg_holder *holder; /* of its subject's leases; NULL once ended */
  struct cg_link in_holder, in_tombs;
  /* What the SFU tells (joins.h): one at a time, the others wait in order. */
  struct cg_list news;
  bool news_busy, news_turning;
  bool look_back, doubted;  /* the trail knows more of its connections; or may soon */
  struct cg_room *hangs_on; /* by in_room (rooms.h); NULL: none */
  struct cg_link in_room;
  /* Once ended: what follows from it needs no memory (end.h). */
  struct cg_link in_rows; /* of those that end, until it is recorded */
  bool unrecorded;        /* the trail does not have its end yet */
  bool holds;             /* and is to be given back behind the row */
  void (*told)(void *arg, bool recorded);
  void *told_arg;
  struct cg_retry giving_back, putting_out;
};

struct cg_identity;
struct cg_leases;

struct cg_leases *cg_leases_new(size_t max);
void cg_leases_free(struct cg_leases *t); /* every lease must have lost its references */

/* A pending lease in the table, one reference to the caller; also when the table is full:
 * who asks for a new one looks first, who has one already comes back.  NULL: no
 * memory. */
struct cg_lease *cg_lease_new(struct cg_leases *t, const char *id,
                              const struct cg_subject *who, const char *camera,
                              const char *key, const char *fingerprint) CG_MUST_USE;
/* Takes a reference of its own; name is the identity's from now on. */
void cg_lease_set_identity(struct cg_lease *l, struct cg_identity *id);
bool cg_lease_set_asked(struct cg_lease *l, const char *purpose,
                        int64_t ttl_s) CG_MUST_USE;
bool cg_lease_set_scopes(struct cg_lease *l, const struct cg_scope_ask *scopes,
                         size_t n) CG_MUST_USE;
bool cg_lease_same_scopes(const struct cg_lease *l, const struct cg_scope_ask *scopes,
                          size_t n);
bool cg_lease_holds(const struct cg_lease *l, const char *scope);
void cg_lease_room(const struct cg_tiers *tiers, const char *camera, int tier,
                   char out[CG_ROOM_MAX]);

struct cg_lease *cg_lease_ref(struct cg_lease *l);
void cg_lease_unref(struct cg_lease *l);                     /* NULL is fine */
void cg_lease_drop(struct cg_leases *t, struct cg_lease *l); /* out of the table */
/* State ended; kept as a tombstone.  false: it had ended before. */
bool cg_lease_bury(struct cg_leases *t, struct cg_lease *l, enum cg_ended_by by,
                   const char *reason);

struct cg_lease *cg_lease_find(struct cg_leases *t, const char *id); /* no reference */
/* The first lease of the subject that has not ended and for which `fits` holds, newest
 * first; no reference. */
struct cg_lease *cg_lease_of(struct cg_leases *t, const char *subject,
                             bool (*fits)(struct cg_lease *l, void *with), void *with);
/* Visits all; visit returns false to stop.  The table must not change meanwhile. */
void cg_leases_each(struct cg_leases *t, bool (*visit)(struct cg_lease *l, void *arg),
                    void *arg);
/* The same for a next part of the table, from *at, which begins as 0.  false: that was
 * the last one.  Between two parts the table may change. */
bool cg_leases_part(struct cg_leases *t, size_t *at,
                    bool (*visit)(struct cg_lease *l, void *arg), void *arg);
bool cg_leases_full(const struct cg_leases *t);   /* `max` live ones, or more */
size_t cg_leases_live(const struct cg_leases *t); /* pending and active */
size_t cg_leases_in_all(const struct cg_leases *t);

#endif
