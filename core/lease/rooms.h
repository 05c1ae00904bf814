/* rooms.h - the rooms of this worker's live leases.
 *
 * A lease hangs on the room that its viewer is in, or is to join.  A room is here as long
 * as a lease hangs on it, and stands in one of two lines, in which it waits to be listed
 * (lists.h).  Home's thread.
 */
#ifndef CG_LEASE_ROOMS_H
#define CG_LEASE_ROOMS_H

#include "lease/service.h"

struct cg_room {
  struct cg_room *next;  /* of its bucket */
  struct cg_list leases; /* by in_room */
  struct cg_rooms *rooms;
  struct cg_link in_line;
  bool hurries;          /* in that line */
  struct cg_timer again; /* it is to be listed again soon */
  char name[CG_ROOM_MAX];
};

#define CG_ROOMS_BUCKETS 1024 /* a power of two */

struct cg_rooms {
  struct cg_room *buckets[CG_ROOMS_BUCKETS];
  struct cg_list turn, hurried; /* the lines */
  size_t n;
  void (*woken)(void *arg); /* one waits to be listed */
  void *arg;
};

struct cg_rooms *cg_rooms_new(void);        /* NULL: no memory */
void cg_rooms_free(struct cg_rooms *rooms); /* before the leases; NULL is fine */

/* l is active and hangs on the room where it is now.  A lease of which the trail knows
 * more (look_back) has its room hurry. */
void cg_rooms_place(struct cg_rooms *rooms, struct cg_lease *l);
void cg_rooms_leave(struct cg_lease *l); /* on none is fine */

struct cg_room *cg_rooms_find(struct cg_rooms *rooms, const char *name); /* NULL: none */
void cg_room_to_line(struct cg_room *r, bool hurries);                   /* at its end */
struct cg_room *cg_rooms_first(const struct cg_list *line); /* NULL: it is empty */

#endif
