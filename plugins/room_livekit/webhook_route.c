#include "webhook_route.h"

#include <stdlib.h>
#include <string.h>

#include "webhook.h"
#include "worker.h"

/* A room that ended, on its way to another worker. */
struct ended {
  struct plugin *self;
  struct worker *to;
  char room[ROOM_NAME_BYTES];
};

static void count(struct worker *w, int metric) {
  if (metric >= 0) w->host->metric_add(w->host, metric, 1);
}

/* On the loop of `to`, if it is still there. */
static void forget_here(void *arg) {
  struct ended *e = arg;
  struct worker *w;
  pthread_mutex_lock(&e->self->lock);
  LIST_FOREACH(w, &e->self->workers, next) {
    if (w == e->to) break;
  }
  pthread_mutex_unlock(&e->self->lock);
  if (w && w->rooms) rooms_forget(w->rooms, e->room);
  free(e);
}

/* A message that cannot be sent costs that worker one request that opens the room anew,
 * or one client a join that fails: its next heartbeat helps. */
static void forget_everywhere(struct worker *here, const char *room) {
  struct plugin *p = here->self;
  struct worker *w;
  if (strlen(room) >= ROOM_NAME_BYTES) return;
  if (here->rooms) rooms_forget(here->rooms, room);
  pthread_mutex_lock(&p->lock);
  LIST_FOREACH(w, &p->workers, next) {
    struct ended *e = w == here ? NULL : malloc(sizeof *e);
    if (!e) continue;
    *e = (struct ended){.self = p, .to = w};
    memcpy(e->room, room, strlen(room) + 1);
    if (!w->host->post(w->host, forget_here, e)) free(e);
  }
  pthread_mutex_unlock(&p->lock);
}

static void reply(struct worker *w, struct cgp_call call, unsigned status,
                  const char *text) {
  const struct cgp_http_reply r = {
      .size = sizeof r,
      .status = status,
      .content_type = text ? "text/plain" : NULL,
      .body = text,
      .body_len = text ? strlen(text) : 0,
  };
  w->host->done(w->host, call, &r);
}

static void report_loss(struct worker *w, const struct webhook *hook) {
  const struct cgp_room_event ev = {
      .size = sizeof ev,
      .type = CGP_ROOM_EVENTS_LOST,
      .room = hook->kind == WEBHOOK_EVENT ? hook->event.room : "",
      .identity = "",
      .sid = "",
      .at_us = w->host->wall_us(w->host),
      .room_sid = "",
  };
  w->host->room_event(w->host, &ev);
}

/* ---- an event, until it is kept ---- */

/* In the call's own memory. */
struct taking {
  struct worker *worker;
  struct cgp_call call;
  uint64_t id;
};

static void kept(struct worker *w, uint64_t id, int metric) {
  count(w,
        webhook_ids_keep(w->self->webhook_ids, id) ? w->self->counts.repeated : metric);
}

static void told(void *arg, enum cgp_code code) {
  const struct taking t = *(struct taking *)arg;
  struct worker *w = t.worker;
  w->hooks_open--;
  if (code == CGP_OK) {
    kept(w, t.id, w->self->counts.events);
    reply(w, t.call, 200, NULL);
  } else {
    count(w, w->self->counts.put_off);
    reply(w, t.call, 503, "the event is not recorded; send it again");
  }
}

static void hand_on(struct worker *w, const struct webhook *hook, uint64_t id,
                    struct cgp_call call) {
  struct taking *t = w->hooks_open < WEBHOOKS_OPEN
                         ? w->host->call_alloc(w->host, call, sizeof *t)
                         : NULL;
  if (!t) {
    count(w, w->self->counts.put_off);
    reply(w, call, 503, "too many events wait to be recorded; send it again");
    return;
  }
  *t = (struct taking){.worker = w, .call = call, .id = id};
  w->hooks_open++;
  w->host->room_event_told(w->host, &hook->event, told, t);
}

static void take(struct worker *w, const struct webhook *hook, struct cgp_call call) {
  const struct counts *c = &w->self->counts;
  uint64_t id = webhook_id_hash(hook->id);
  if (webhook_ids_has(w->self->webhook_ids, id)) {
    count(w, c->repeated);
    reply(w, call, 200, NULL);
    return;
  }
  if (hook->lost) report_loss(w, hook);
  if (hook->kind == WEBHOOK_EVENT) {
    if (hook->event.type == CGP_ROOM_CLOSED) forget_everywhere(w, hook->event.room);
    hand_on(w, hook, id, call);
    return;
  }
  kept(w, id, hook->kind == WEBHOOK_UNKNOWN ? c->unknown : -1);
  reply(w, call, 200, NULL);
}

static const char *refusal(struct worker *w, const struct cgp_http_request *req) {
  if (!w->hooks) return "webhooks are not taken: no LiveKit key is configured";
  return webhook_refusal(w->hooks, w->self->settings.webhook_key,
                         req->header(req, "Authorization"), req->body, req->body_len,
                         w->host->wall_us(w->host) / 1000000);
}

void webhook_route(void *worker, const struct cgp_http_request *req,
                   struct cgp_call call) {
  struct worker *w = worker;
  if (req->body_len > WEBHOOK_BYTES) {
    count(w, w->self->counts.refused);
    reply(w, call, 413, "a webhook has at most 64 KiB");
    return;
  }
  const char *wrong = refusal(w, req);
  if (wrong) {
    count(w, w->self->counts.refused);
    reply(w, call, 401, wrong);
    return;
  }
  struct webhook hook =
      webhook_parse(req->body, req->body_len, w->host->wall_us(w->host));
  if (hook.kind == WEBHOOK_NONSENSE) {
    count(w, w->self->counts.nonsense);
    reply(w, call, 400, "the body is not an event of LiveKit");
  } else {
    take(w, &hook, call);
  }
  json_decref(hook.doc);
}
