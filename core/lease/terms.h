/* terms.h - what a lease needs to live again, as one JSON object.
 *
 * The object refers to nothing beside itself: who hands it on hands on the lease.  The
 * facts of every granted or changed lease hold it under "terms" (grant/grant_row.c),
 * without what the row's columns say: the newest such row brings the lease back after a
 * restart (restore.c).
 *
 * Written and read by one table in terms.c, one line a member.  CG_TERMS_VERSION counts
 * its forms; another number is refused.  Rows from before there was one had the same
 * members among the facts, and in columns what columns say; they are read as well.
 *
 * The identity is the one last decided with: all claims of the token, for a policy may
 * read any of them, but not the token.  Claims that do not fit in the buffer are left
 * out: such a lease comes back without identity, and waits for its next beat's token.
 *
 * Reading trusts nothing: every type, length, tier, time and id is checked.  Any thread.
 */
#ifndef CG_LEASE_TERMS_H
#define CG_LEASE_TERMS_H

#include "auth/identity.h"
#include "base/arena.h"
#include "base/buf.h"
#include "plugin/drivers.h"

#define CG_TERMS_VERSION 1

struct cg_lease;
struct cg_teller;

/* Texts are never NULL and borrowed: of the lease, or of the arena of the reading. */
struct cg_lease_terms {
  const char *id, *holding, *subject, *name, *camera, *room;
  const char *purpose;         /* as asked; "" = none */
  int tier, requested;         /* requested: CG_TIER_NONE = the best allowed */
  int64_t ttl_s;               /* as asked; 0 = none */
  int64_t granted_us, ends_us; /* wall, as told at one moment */
  const struct cg_scope_ask *scopes;
  size_t n_scopes;
  struct cg_strings replaces;   /* leases whose end may be missing in the trail */
  struct cg_identity *identity; /* NULL: not known */
};

/* With the lease's own identity, no reference taken; replaces nothing. */
struct cg_lease_terms cg_terms_of_lease(const struct cg_lease *l, struct cg_teller *t);

/* The whole object. */
void cg_terms_write(struct cg_buf *b, const struct cg_lease_terms *t,
                    const struct cg_tiers *tiers);
/* Into the open object of a row's facts. */
void cg_terms_write_for_row(struct cg_buf *b, const struct cg_lease_terms *t,
                            const struct cg_tiers *tiers);

/* true: *ret holds one reference to its identity, the caller's to give back.  false:
 * CG_E_MEMORY, or CG_E_MALFORMED and *err says which member. */
bool cg_terms_read(json_t *object, const struct cg_tiers *tiers, struct cg_arena *arena,
                   struct cg_lease_terms *ret, struct cg_err *err) CG_MUST_USE;
/* Of a row of the trail, of either form; ids, subject and tiers are the columns'. */
bool cg_terms_of_row(const struct cgp_audit_row *row, const struct cg_tiers *tiers,
                     struct cg_arena *arena, struct cg_lease_terms *ret,
                     struct cg_err *err) CG_MUST_USE;

#endif
