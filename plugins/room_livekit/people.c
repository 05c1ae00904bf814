#include "people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "rooms.h"

#define KNOWN 4096 /* a power of two */

/* A room's sid, and that of one who was there: as long as that one is, it is the same
 * room.  Names and sids by their hashes. */
struct known {
  uint64_t room, sid;
  char room_sid[32];
};

struct people {
  struct cgp_host *host;
  struct twirp *twirp;
  uint32_t again_ms;
  LIST_HEAD(, listing) open;
  struct known known[KNOWN];
};

struct listing {
  LIST_ENTRY(listing) next;
  struct people *people;
  struct cgp_call call;
  json_t *present; /* their list; NULL: not told yet */
  char room[6 * ROOM_NAME_BYTES];
};

struct people *people_new(struct cgp_host *h, struct twirp *t, uint32_t again_ms) {
  struct people *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->host = h;
  p->twirp = t;
  p->again_ms = again_ms;
  return p;
}

static void drop(struct listing *l) {
  LIST_REMOVE(l, next);
  json_decref(l->present);
  free(l);
}

void people_free(struct people *p) {
  struct listing *l;
  while (p && (l = LIST_FIRST(&p->open))) drop(l);
  free(p);
}

static void refuse(struct listing *l, enum cgp_code code, const char *text) {
  struct cgp_host *h = l->people->host;
  struct cgp_call call = l->call;
  drop(l);
  h->fail(h, call, code, "%s", text);
}

/* ---- what LiveKit says ---- */

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

/* int64 as text, in the protobuf's own names or in camel case; 0: neither. */
static int64_t number_of(const json_t *object, const char *name, const char *camel) {
  const json_t *value = json_object_get(object, name);
  if (!value) value = json_object_get(object, camel);
  const char *text = json_string_value(value);
  return text ? strtoll(text, NULL, 10) : json_integer_value(value);
}

static int64_t joined_us(const json_t *who) {
  const int64_t latest_ms = INT64_C(253402300799000); /* end of the year 9999 */
  int64_t ms = number_of(who, "joined_at_ms", "joinedAtMs");
  if (ms <= 0) ms = number_of(who, "joined_at", "joinedAt") % latest_ms * 1000;
  return ms > 0 && ms <= latest_ms ? ms * 1000 : 0;
}

/* One that is still being connected has not joined, and may never. */
static bool is_there(const json_t *who) {
  const char *state = json_string_value(json_object_get(who, "state"));
  return *text_of(who, "identity") && (!state || strcmp(state, "ACTIVE") == 0);
}

static void tell(struct listing *l, const char *room_sid) {
  struct cgp_host *h = l->people->host;
  size_t n = 0, most = json_array_size(l->present);
  struct cgp_participant *all = calloc(most + 1, sizeof *all);
  if (!all) {
    refuse(l, CGP_E_BUSY, "livekit: no memory for a list");
    return;
  }
  for (size_t i = 0; i < most; i++) {
    const json_t *who = json_array_get(l->present, i);
    if (!is_there(who)) continue;
    all[n++] = CGP_MAKE(cgp_participant, .identity = text_of(who, "identity"),
                        .sid = text_of(who, "sid"), .joined_us = joined_us(who));
  }
  h->done(h, l->call,
          &CGP_MAKE(cgp_participants, .again_ms = l->people->again_ms,
                    .room_sid = room_sid, .participants = all, .n = n));
  free(all);
  drop(l);
}

/* ---- the room's sid ---- */

static uint64_t hash(const char *text) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3u;
  return h;
}

static struct known *known_of(struct listing *l) {
  return &l->people->known[hash(l->room) & (KNOWN - 1)];
}

/* NULL: it has to be asked for. */
static const char *known_sid(struct listing *l) {
  const struct known *k = known_of(l);
  if (!*k->room_sid || k->room != hash(l->room)) return NULL;
  for (size_t i = 0; i < json_array_size(l->present); i++) {
    const json_t *who = json_array_get(l->present, i);
    if (is_there(who) && hash(text_of(who, "sid")) == k->sid) return k->room_sid;
  }
  return NULL;
}

static void remember(struct listing *l, const char *room_sid) {
  struct known *k = known_of(l);
  for (size_t i = 0; i < json_array_size(l->present); i++) {
    const json_t *who = json_array_get(l->present, i);
    if (!is_there(who) || strlen(room_sid) >= sizeof k->room_sid) continue;
    *k = (struct known){.room = hash(l->room), .sid = hash(text_of(who, "sid"))};
    memcpy(k->room_sid, room_sid, strlen(room_sid) + 1);
    return;
  }
}

static void told_room(void *arg, const struct twirp_answer *a) {
  struct listing *l = arg;
  if (a->code != CGP_OK) {
    refuse(l, a->code, a->text);
    return;
  }
  const json_t *rooms = json_object_get(a->body, "rooms");
  const char *room_sid = text_of(json_array_get(rooms, 0), "sid");
  remember(l, room_sid);
  tell(l, room_sid);
}

static bool ask_room(struct listing *l) {
  char body[sizeof l->room + 32];
  snprintf(body, sizeof body, "{\"names\":[\"%s\"]}", l->room);
  return twirp_call(l->people->twirp, l->call, "ListRooms", NULL, body, told_room, l);
}

static void told_present(void *arg, const struct twirp_answer *a) {
  struct listing *l = arg;
  const json_t *present = json_object_get(a->body, "participants");
  if (a->code != CGP_OK && !a->not_found) {
    refuse(l, a->code, a->text);
    return;
  }
  if (a->code == CGP_OK && !json_is_array(present)) {
    refuse(l, CGP_E_INTERNAL, "livekit: ListParticipants: the answer is no list");
    return;
  }
  if (json_array_size(present) > 0) l->present = json_deep_copy(present);
  const char *room_sid = l->present ? known_sid(l) : "";
  if (json_array_size(present) > 0 && !l->present)
    refuse(l, CGP_E_BUSY, "livekit: no memory to list a room");
  else if (room_sid)
    tell(l, room_sid);
  else if (!ask_room(l))
    refuse(l, CGP_E_BUSY, "livekit: no memory to list a room");
}

void people_list(struct people *p, const char *room, struct cgp_call call) {
  char escaped[6 * ROOM_NAME_BYTES], body[sizeof escaped + 32];
  const char *name = json_inside(room, escaped, sizeof escaped);
  struct listing *l =
      name && strlen(room) < ROOM_NAME_BYTES ? calloc(1, sizeof *l) : NULL;
  if (!l) {
    p->host->fail(p->host, call, CGP_E_BUSY, "livekit: no memory to list a room");
    return;
  }
  *l = (struct listing){.people = p, .call = call};
  memcpy(l->room, name, strlen(name) + 1);
  LIST_INSERT_HEAD(&p->open, l, next);
  snprintf(body, sizeof body, "{\"room\":\"%s\"}", name);
  if (!twirp_call(p->twirp, call, "ListParticipants", room, body, told_present, l))
    refuse(l, CGP_E_BUSY, "livekit: no memory to list a room");
}
