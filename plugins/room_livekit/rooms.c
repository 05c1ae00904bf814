#include "rooms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "token.h"

#define BUCKETS 1024 /* a power of two */

/* In the call's own memory. */
struct waiter {
  struct cgp_call call;
  STAILQ_ENTRY(waiter) next;
};
STAILQ_HEAD(waiters, waiter);

/* opening: a request is on its way; else remembered until known_until_us. */
struct room {
  LIST_ENTRY(room) in_bucket;
  TAILQ_ENTRY(room) in_age;
  struct rooms *rooms;
  bool opening;
  bool gone; /* closed while it was being opened: do not remember */
  int64_t known_until_us;
  struct waiters waiting;
  char name[ROOM_NAME_BYTES];
};

/* known: oldest first, and so the first to lapse.  n_known: its length. */
struct rooms {
  struct cgp_host *host;
  struct twirp *twirp;
  struct rooms_config config;
  LIST_HEAD(, room) buckets[BUCKETS];
  TAILQ_HEAD(, room) known;
  size_t n_known;
};

struct rooms *rooms_new(struct cgp_host *h, struct twirp *t,
                        const struct rooms_config *c) {
  struct rooms *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->host = h;
  r->twirp = t;
  r->config = *c;
  TAILQ_INIT(&r->known);
  return r;
}

void rooms_free(struct rooms *r) {
  if (!r) return;
  for (size_t i = 0; i < BUCKETS; i++) {
    struct room *room, *next;
    for (room = LIST_FIRST(&r->buckets[i]); room; room = next) {
      next = LIST_NEXT(room, in_bucket);
      free(room);
    }
  }
  free(r);
}

static size_t bucket_of(const char *name) {
  uint32_t h = 0x811c9dc5u;
  for (; *name; name++) h = (h ^ (unsigned char)*name) * 0x01000193u;
  return (h ^ h >> 16) & (BUCKETS - 1);
}

static struct room *find(struct rooms *r, const char *name) {
  struct room *room;
  LIST_FOREACH(room, &r->buckets[bucket_of(name)], in_bucket) {
    if (strcmp(room->name, name) == 0) return room;
  }
  return NULL;
}

static void drop(struct room *room) {
  if (!room->opening) {
    TAILQ_REMOVE(&room->rooms->known, room, in_age);
    room->rooms->n_known--;
  }
  LIST_REMOVE(room, in_bucket);
  free(room);
}

static void drop_lapsed(struct rooms *r, int64_t now_us) {
  struct room *oldest;
  while ((oldest = TAILQ_FIRST(&r->known)) &&
         (oldest->known_until_us <= now_us || r->n_known >= ROOMS_KNOWN_MAX)) {
    drop(oldest);
  }
}

static bool wait_for(struct rooms *r, struct room *room, struct cgp_call call) {
  struct waiter *w = r->host->call_alloc(r->host, call, sizeof *w);
  if (!w) return false;
  w->call = call;
  STAILQ_INSERT_TAIL(&room->waiting, w, next);
  return true;
}

static void complete(struct rooms *r, struct waiters *all, const struct twirp_answer *a) {
  struct waiter *w;
  while ((w = STAILQ_FIRST(all))) {
    STAILQ_REMOVE_HEAD(all, next); /* its memory goes with the call */
    if (a->code == CGP_OK) {
      r->host->done(r->host, w->call, NULL);
    } else {
      r->host->fail(r->host, w->call, a->code, "%s", a->text);
    }
  }
}

static void remember(struct rooms *r, struct room *room) {
  int64_t now = r->host->mono_us(r->host);
  drop_lapsed(r, now);
  room->opening = false;
  room->known_until_us = now + (int64_t)r->config.remember_ms * 1000;
  TAILQ_INSERT_TAIL(&r->known, room, in_age);
  r->n_known++;
}

static void opened(void *arg, const struct twirp_answer *a) {
  struct room *room = arg;
  struct rooms *r = room->rooms;
  struct twirp_answer answer = *a;
  const char *name = json_string_value(json_object_get(a->body, "name"));
  if (a->code == CGP_OK && (!name || strcmp(name, room->name) != 0)) {
    answer.code = CGP_E_INTERNAL;
    answer.text = "livekit: CreateRoom: the answer is not about the room asked for";
  }
  /* CreateRoom has no "not found": whoever says so is no place to stream from */
  if (answer.code == CGP_E_NOTFOUND) answer.code = CGP_E_UNAVAILABLE;
  struct waiters all = STAILQ_HEAD_INITIALIZER(all);
  STAILQ_CONCAT(&all, &room->waiting);
  if (answer.code == CGP_OK && !room->gone && r->config.remember_ms > 0) {
    remember(r, room);
  } else {
    drop(room);
  }
  complete(r, &all, &answer);
}

static struct room *add(struct rooms *r, const char *name) {
  struct room *room = calloc(1, sizeof *room);
  if (!room) return NULL;
  room->rooms = r;
  room->opening = true;
  STAILQ_INIT(&room->waiting);
  memcpy(room->name, name, strlen(name) + 1);
  LIST_INSERT_HEAD(&r->buckets[bucket_of(name)], room, in_bucket);
  return room;
}

static bool open_room(struct rooms *r, struct room *room, struct cgp_call call) {
  char escaped[6 * ROOM_NAME_BYTES + 8], body[sizeof escaped + 128];
  const char *name = json_inside(room->name, escaped, sizeof escaped);
  if (!name) return false;
  snprintf(body, sizeof body,
           "{\"name\":\"%s\",\"empty_timeout\":%u,\"departure_timeout\":%u,"
           "\"max_participants\":%u}",
           name, r->config.empty_timeout_s, r->config.departure_timeout_s,
           r->config.max_participants);
  return twirp_call(r->twirp, call, "CreateRoom", NULL, body, opened, room);
}

void rooms_ensure(struct rooms *r, const char *name, struct cgp_call call) {
  if (*name == '\0' || strlen(name) >= ROOM_NAME_BYTES) {
    r->host->fail(r->host, call, CGP_E_INVALID, "a room's name has 1 to %d bytes",
                  ROOM_NAME_BYTES - 1);
    return;
  }
  drop_lapsed(r, r->host->mono_us(r->host));
  struct room *room = find(r, name);
  if (room && !room->opening) {
    r->host->done(r->host, call, NULL);
    return;
  }
  bool first = !room;
  if (first) room = add(r, name);
  if (room && wait_for(r, room, call) && (!first || open_room(r, room, call))) return;
  if (first && room) drop(room);
  r->host->fail(r->host, call, CGP_E_BUSY, "livekit: no memory to open a room");
}

void rooms_forget(struct rooms *r, const char *name) {
  struct room *room = find(r, name);
  if (!room) return;
  if (room->opening) {
    room->gone = true;
  } else {
    drop(room);
  }
}
