#include "lease/connections.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

struct cg_connection *cg_connection_find(struct cg_connections *all, const char *sid) {
  for (int i = 0; i < CG_CONNECTIONS_MAX; i++) {
    struct cg_connection *c = &all->items[i];
    if (c->used && strncmp(c->sid, sid, CG_SID_MAX - 1) == 0 && (*sid || c == all->now))
      return c;
  }
  return NULL;
}

struct cg_connection *cg_connection_note(struct cg_connections *all, const char *sid,
                                         const char *room_sid) {
  struct cg_connection *c;
  do c = &all->items[all->next++ % CG_CONNECTIONS_MAX];
  while (c == all->now);
  *c = (struct cg_connection){.used = true};
  snprintf(c->sid, sizeof c->sid, "%s", sid);
  snprintf(c->room_sid, sizeof c->room_sid, "%s", room_sid);
  return c;
}

struct cg_connection *cg_connection_known(struct cg_connections *all, const char *sid,
                                          const char *room_sid) {
  struct cg_connection *c = cg_connection_find(all, sid);
  return c ? c : cg_connection_note(all, sid, room_sid);
}

void cg_connection_there(struct cg_connections *all, struct cg_connection *c,
                         const char *room, struct cg_moment joined, int64_t known_us) {
  c->joined = joined;
  c->left = c->missed = false;
  all->now = c;
  all->since_us = known_us;
  all->absences = 0;
  snprintf(all->room, sizeof all->room, "%s", room);
}

void cg_connection_left(struct cg_connections *all, struct cg_connection *c) {
  c->left = true;
  if (all->now == c) all->now = NULL;
}

bool cg_connection_may_be_there(const struct cg_connections *all,
                                const struct cg_connection *c) {
  return c != all->now && (!c->left || c->missed);
}

bool cg_moment_before(struct cg_moment a, struct cg_moment b) {
  return a.wall_us + SECOND_US < b.wall_us && a.mono_us + SECOND_US < b.mono_us;
}

bool cg_connection_is_late(const struct cg_connections *all, struct cg_moment at) {
  for (int i = 0; i < CG_CONNECTIONS_MAX; i++) {
    const struct cg_connection *c = &all->items[i];
    if (c->used && cg_moment_before(at, c->joined)) return true;
  }
  return false;
}
