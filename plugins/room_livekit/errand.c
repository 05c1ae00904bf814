#include "errand.h"

#include <stdio.h>
#include <string.h>

#include "worker.h"

/* A call to the SFU about one room or participant; in the call's own memory. */
struct errand {
  struct worker *worker;
  struct cgp_call call;
  char room[ROOM_NAME_BYTES];
};

static void send_errand(struct worker *w, const char *method, bool admin,
                        const char *room, const char *identity, twirp_fn *fn,
                        struct cgp_call call) {
  char b1[6 * ROOM_NAME_BYTES], b2[6 * ROOM_NAME_BYTES], body[sizeof b1 + sizeof b2 + 64];
  const char *r = json_inside(room, b1, sizeof b1);
  const char *i = json_inside(identity, b2, sizeof b2);
  if (!r || !i || strlen(room) >= ROOM_NAME_BYTES ||
      strlen(identity) >= ROOM_NAME_BYTES) {
    w->host->fail(w->host, call, CGP_E_INVALID, "room or identity too long");
    return;
  }
  struct errand *e = w->host->call_alloc(w->host, call, sizeof *e);
  if (e) {
    *e = (struct errand){.worker = w, .call = call};
    memcpy(e->room, room, strlen(room) + 1);
  }
  snprintf(body, sizeof body,
           *i ? "{\"room\":\"%s\",\"identity\":\"%s\"}" : "{\"room\":\"%s\"%s}", r, i);
  if (e && twirp_call(w->twirp, method, admin ? room : NULL, body, fn, e)) return;
  w->host->fail(w->host, call, CGP_E_BUSY, "livekit: no memory for %s", method);
}

/* What is not there need not be put out or closed. */
static void gone(void *arg, const struct twirp_answer *a) {
  struct errand *e = arg;
  struct cgp_host *h = e->worker->host;
  if (a->not_found) rooms_forget(e->worker->rooms, e->room);
  if (a->code == CGP_OK || a->not_found) {
    h->done(h, e->call, NULL);
  } else {
    h->fail(h, e->call, a->code, "%s", a->text);
  }
}

static void closed(void *arg, const struct twirp_answer *a) {
  struct errand *e = arg;
  rooms_forget(e->worker->rooms, e->room);
  gone(arg, a);
}

void errand_remove(void *worker, const char *room, const char *identity,
                   struct cgp_call call) {
  struct worker *w = worker;
  if (w->twirp) {
    send_errand(w, "RemoveParticipant", true, room, identity, gone, call);
  } else {
    w->host->done(w->host, call, NULL);
  }
}

void errand_close(void *worker, const char *room, struct cgp_call call) {
  struct worker *w = worker;
  if (w->twirp) {
    send_errand(w, "DeleteRoom", false, room, "", closed, call);
  } else {
    w->host->done(w->host, call, NULL);
  }
}

static void listed(void *arg, const struct twirp_answer *a) {
  struct errand *e = arg;
  struct cgp_host *h = e->worker->host;
  const json_t *people = json_object_get(a->body, "participants"), *one;
  size_t n = json_array_size(people), i;
  if (a->code != CGP_OK && !a->not_found) {
    h->fail(h, e->call, a->code, "%s", a->text);
    return;
  }
  const char **names = h->call_alloc(h, e->call, (n + 1) * sizeof *names);
  bool whole = names && (a->not_found || json_is_array(people));
  json_array_foreach(people, i, one) {
    const char *name = json_string_value(json_object_get(one, "identity"));
    if (!name) whole = false;
    if (names) names[i] = name;
  }
  if (whole) {
    h->done(h, e->call, &(struct cgp_participants){names, n});
  } else {
    h->fail(h, e->call, CGP_E_INTERNAL, "livekit: ListParticipants: not a whole list");
  }
}

void errand_list(void *worker, const char *room, struct cgp_call call) {
  struct worker *w = worker;
  if (w->twirp) {
    send_errand(w, "ListParticipants", true, room, "", listed, call);
  } else {
    w->host->done(w->host, call, &(struct cgp_participants){NULL, 0});
  }
}
