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
  struct cgp_room_event ev = {
      .size = sizeof ev,
      .type = CGP_ROOM_EVENTS_LOST,
      .room = hook->kind == WEBHOOK_EVENT ? hook->event.room : "",
      .identity = "",
      .sid = "",
      .at_us = w->host->wall_us(w->host),
  };
  w->host->room_event(w->host, &ev);
}

static void take(struct worker *w, const struct webhook *hook) {
  const struct counts *c = &w->self->counts;
  if (*hook->id && webhook_ids_repeated(w->self->webhook_ids, hook->id)) {
    count(w, c->repeated);
    return;
  }
  if (hook->lost) report_loss(w, hook);
  if (hook->kind == WEBHOOK_UNKNOWN) count(w, c->unknown);
  if (hook->kind != WEBHOOK_EVENT) return;
  count(w, c->events);
  if (hook->event.type == CGP_ROOM_CLOSED) forget_everywhere(w, hook->event.room);
  w->host->room_event(w->host, &hook->event);
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
    take(w, &hook);
    reply(w, call, 200, NULL);
  }
  json_decref(hook.doc);
}
