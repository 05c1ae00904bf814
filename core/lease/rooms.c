#include "lease/rooms.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

struct cg_rooms *cg_rooms_new(void) {
  return cg_alloc(sizeof(struct cg_rooms));
}

static struct cg_room **place_of(struct cg_rooms *rooms, const char *name) {
  size_t bucket = cg_hash(name, strlen(name)) & (CG_ROOMS_BUCKETS - 1);
  struct cg_room **r = &rooms->buckets[bucket];
  while (*r && strcmp((*r)->name, name) != 0) r = &(*r)->next;
  return r;
}

struct cg_room *cg_rooms_find(struct cg_rooms *rooms, const char *name) {
  return *place_of(rooms, name);
}

static struct cg_list *line_of(struct cg_room *r) {
  return r->hurries ? &r->rooms->hurried : &r->rooms->turn;
}

void cg_room_to_line(struct cg_room *r, bool hurries) {
  cg_list_remove(line_of(r), &r->in_line);
  r->hurries = hurries;
  cg_list_add(line_of(r), &r->in_line);
}

struct cg_room *cg_rooms_first(const struct cg_list *line) {
  return line->first ? CG_CONTAINER(line->first, struct cg_room, in_line) : NULL;
}

static struct cg_room *find_or_make(struct cg_rooms *rooms, const char *name) {
  struct cg_room **at = place_of(rooms, name);
  if (*at) return *at;
  struct cg_room *r = *at = cg_alloc(sizeof *r);
  if (!r) return NULL;
  r->rooms = rooms;
  memcpy(r->name, name, strlen(name) + 1);
  cg_list_add(&rooms->turn, &r->in_line);
  rooms->n++;
  return r;
}

static void drop(struct cg_room *r) {
  *place_of(r->rooms, r->name) = r->next;
  cg_list_remove(line_of(r), &r->in_line);
  cg_timer_stop(&r->again);
  r->rooms->n--;
  cg_free(r);
}

void cg_rooms_leave(struct cg_lease *l) {
  struct cg_room *r = l->hangs_on;
  if (!r) return;
  l->hangs_on = NULL;
  cg_list_remove(&r->leases, &l->in_room);
  if (!r->leases.first) drop(r);
}

/* Without memory it is not listed until it is placed again. */
void cg_rooms_place(struct cg_rooms *rooms, struct cg_lease *l) {
  const char *name = l->connections.now ? l->connections.room : l->room;
  if (l->state != CG_LEASE_ACTIVE) return;
  if (l->hangs_on && strcmp(l->hangs_on->name, name) == 0) return;
  cg_rooms_leave(l);
  struct cg_room *r = l->hangs_on = find_or_make(rooms, name);
  if (!r) return;
  cg_list_add(&r->leases, &l->in_room);
  if (l->look_back && !r->hurries) cg_room_to_line(r, true);
  rooms->woken(rooms->arg);
}

void cg_rooms_free(struct cg_rooms *rooms) {
  for (size_t i = 0; rooms && i < CG_ROOMS_BUCKETS; i++)
    while (rooms->buckets[i])
      cg_rooms_leave(
          CG_CONTAINER(rooms->buckets[i]->leases.first, struct cg_lease, in_room));
  cg_free(rooms);
}
