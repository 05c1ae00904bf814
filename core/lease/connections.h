/* connections.h - a lease's connections, as the SFU names them by sids.
 *
 * One identity is one connection: a participant that joins takes the place of the one
 * that is there.  The newest few are remembered, left ones too, so that late and double
 * news show.  Zeroed = none.  The lease's thread.
 */
#ifndef CG_LEASE_CONNECTIONS_H
#define CG_LEASE_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bounds.h"

#define CG_CONNECTIONS_MAX 4
#define CG_ROOM_MAX        (CG_ROOM_NAME_MAX + 1)
#define CG_SID_MAX         32

/* As the wall clock had it and as mono: the wall clock, ours or the SFU's, may be set. */
struct cg_moment {
  int64_t wall_us, mono_us;
};

struct cg_connection {
  char sid[CG_SID_MAX], room_sid[CG_SID_MAX]; /* "": not known */
  struct cg_moment joined;                    /* zeroed: nobody told of its join */
  bool used, left;
  bool missed; /* it left because a list lacked it: it may be there after all */
};

struct cg_connections {
  struct cg_connection items[CG_CONNECTIONS_MAX];
  uint32_t next;
  struct cg_connection *now; /* who is there; NULL: nobody */
  char room[CG_ROOM_MAX];    /* where */
  int64_t since_us;          /* mono: known to be there */
  int64_t listed_us;         /* mono: a list asked for then had it */
  uint32_t absences;         /* lists without it, one after another */
};

/* The one of that sid; without a sid the one that is there, if it has none.  NULL: not
 * known. */
struct cg_connection *cg_connection_find(struct cg_connections *all, const char *sid);
/* Takes the place of the oldest that is not there now. */
struct cg_connection *cg_connection_note(struct cg_connections *all, const char *sid,
                                         const char *room_sid);
/* The one of that sid, noted now if it was not known. */
struct cg_connection *cg_connection_known(struct cg_connections *all, const char *sid,
                                          const char *room_sid);
/* It is there, in that room, since it joined, and whoever was there is not; known_us: of
 * the loop's time. */
void cg_connection_there(struct cg_connections *all, struct cg_connection *c,
                         const char *room, struct cg_moment joined, int64_t known_us);
void cg_connection_left(struct cg_connections *all, struct cg_connection *c);
/* It is not who is there, but its own leave was not told: a list may know better. */
bool cg_connection_may_be_there(const struct cg_connections *all,
                                const struct cg_connection *c);
/* By both clocks, and by more than a second: the SFU's clock has whole ones. */
bool cg_moment_before(struct cg_moment a, struct cg_moment b);
/* One that joined then joined before one that is known: it has been replaced. */
bool cg_connection_is_late(const struct cg_connections *all, struct cg_moment at);

#endif
