/* room_livekit - rooms and tokens of a LiveKit SFU, and its webhooks.  See README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webhook_route.h"
#include "worker.h"

static void register_counts(struct counts *c, struct cgp_host *h) {
  c->requests =
      h->metric(h, "livekit_requests_total", "Calls to LiveKit's room service.", false);
  c->failures = h->metric(h, "livekit_request_failures_total",
                          "Calls to LiveKit that failed.", false);
  c->events =
      h->metric(h, "livekit_webhook_events_total", "Webhook events taken.", false);
  c->refused = h->metric(h, "livekit_webhook_refused_total",
                         "Webhooks whose sender or size was refused.", false);
  c->repeated = h->metric(h, "livekit_webhook_repeated_total",
                          "Webhook events that had come before.", false);
  c->unknown = h->metric(h, "livekit_webhook_unknown_total",
                         "Webhook events of an unknown type.", false);
  c->put_off =
      h->metric(h, "livekit_webhook_put_off_total",
                "Webhook events that could not be recorded, answered with 503.", false);
  c->nonsense = h->metric(h, "livekit_webhook_nonsense_total",
                          "Authentic webhooks that hold no event.", false);
}

static int init(struct cgp_host *h, void **ret_self, char *err, size_t err_size) {
  struct plugin *p = calloc(1, sizeof *p);
  if (p) p->webhook_ids = webhook_ids_new();
  const char *wrong =
      p && p->webhook_ids ? settings_read(&p->settings, h) : "out of memory";
  if (wrong) {
    snprintf(err, err_size, "%s", wrong);
    if (p) webhook_ids_free(p->webhook_ids);
    free(p);
    return -1;
  }
  LIST_INIT(&p->workers);
  pthread_mutex_init(&p->lock, NULL);
  register_counts(&p->counts, h);
  *ret_self = p;
  return 0;
}

static void fini(void *self) {
  struct plugin *p = self;
  if (!p) return;
  webhook_ids_free(p->webhook_ids);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

static bool connect_parts(struct worker *w) {
  const struct settings *s = &w->self->settings;
  w->signer = signer_new(s->secret);
  if (*s->webhook_key) w->hooks = signer_new(s->webhook_secret);
  if (!w->signer || (*s->webhook_key && !w->hooks)) return false;
  if (!*s->base) return true;
  const struct twirp_config config = {
      .base = s->base,
      .key = s->key,
      .signer = w->signer,
      .timeout_ms = s->timeout_ms,
      .sent = w->self->counts.requests,
      .failed = w->self->counts.failures,
  };
  w->twirp = twirp_new(w->host, &config);
  if (!w->twirp) return false;
  w->rooms = rooms_new(w->host, w->twirp, &s->rooms);
  w->people = people_new(w->host, w->twirp, s->list_interval_s * 1000);
  w->health = health_new(w->host, w->twirp, s->base);
  return w->rooms && w->people && w->health;
}

static void free_worker(struct worker *w) {
  twirp_free(w->twirp);
  rooms_free(w->rooms);
  people_free(w->people);
  health_free(w->health);
  signer_free(w->signer);
  signer_free(w->hooks);
  free(w);
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err,
                 size_t err_size) {
  struct worker *w = calloc(1, sizeof *w);
  if (w) *w = (struct worker){.self = self, .host = h};
  if (!w || !connect_parts(w)) {
    snprintf(err, err_size,
             "HMAC-SHA256 is not to be had from OpenSSL, or out of memory");
    if (w) free_worker(w);
    return -1;
  }
  pthread_mutex_lock(&w->self->lock);
  LIST_INSERT_HEAD(&w->self->workers, w, next);
  pthread_mutex_unlock(&w->self->lock);
  *ret_w = w;
  return 0;
}

static void stop(void *worker) {
  struct worker *w = worker;
  if (!w) return;
  pthread_mutex_lock(&w->self->lock);
  LIST_REMOVE(w, next);
  pthread_mutex_unlock(&w->self->lock);
  free_worker(w);
}

static void ensure(void *worker, const char *room, struct cgp_call call) {
  struct worker *w = worker;
  if (w->rooms) {
    rooms_ensure(w->rooms, room, call);
  } else {
    w->host->done(w->host, call, NULL);
  }
}

/* ---- putting a participant out ---- */

/* In the call's own memory. */
struct removal {
  struct worker *worker;
  struct cgp_call call;
  char room[ROOM_NAME_BYTES];
};

/* Who is not there need not be put out. */
static void removed(void *arg, const struct twirp_answer *a) {
  struct removal *r = arg;
  struct cgp_host *h = r->worker->host;
  if (a->not_found) rooms_forget(r->worker->rooms, r->room);
  if (a->code == CGP_OK || a->not_found) {
    h->done(h, r->call, NULL);
  } else {
    h->fail(h, r->call, a->code, "%s", a->text);
  }
}

static void send_removal(struct worker *w, const char *room, const char *identity,
                         struct cgp_call call) {
  char b1[6 * ROOM_NAME_BYTES], b2[6 * ROOM_NAME_BYTES], body[sizeof b1 + sizeof b2 + 64];
  const char *in_room = json_inside(room, b1, sizeof b1);
  const char *who = json_inside(identity, b2, sizeof b2);
  if (!in_room || !who || strlen(room) >= ROOM_NAME_BYTES ||
      strlen(identity) >= ROOM_NAME_BYTES) {
    w->host->fail(w->host, call, CGP_E_INVALID, "room or identity too long");
    return;
  }
  struct removal *r = w->host->call_alloc(w->host, call, sizeof *r);
  if (r) {
    *r = (struct removal){.worker = w, .call = call};
    memcpy(r->room, room, strlen(room) + 1);
  }
  snprintf(body, sizeof body, "{\"room\":\"%s\",\"identity\":\"%s\"}", in_room, who);
  if (r && twirp_call(w->twirp, call, "RemoveParticipant", room, body, removed, r))
    return;
  w->host->fail(w->host, call, CGP_E_BUSY, "livekit: no memory for RemoveParticipant");
}

static void put_out(void *worker, const char *room, const char *identity,
                    struct cgp_call call) {
  struct worker *w = worker;
  if (w->twirp) {
    send_removal(w, room, identity, call);
  } else {
    w->host->done(w->host, call, NULL);
  }
}

/* ---- the other ops ---- */

static void participants(void *worker, const char *room, struct cgp_call call) {
  struct worker *w = worker;
  if (w->people) {
    people_list(w->people, room, call);
  } else {
    w->host->fail(w->host, call, CGP_E_INVALID, "no SFU: there are no lists");
  }
}

static void token(void *worker, const struct cgp_room_token_request *req,
                  struct cgp_call call) {
  struct worker *w = worker;
  char text[TOKEN_BYTES];
  int64_t now = w->host->wall_us(w->host) / 1000000;
  const struct token_viewer v = {
      .key = w->self->settings.key,
      .room = req->room,
      .identity = req->identity,
      .name = req->name ? req->name : "",
      .nbf_s = now,
      .exp_s = now + req->ttl_s,
  };
  if (token_viewer(w->signer, &v, text) == 0) {
    w->host->fail(w->host, call, CGP_E_INVALID, "room or identity too long for a token");
    return;
  }
  const struct cgp_room_token done =
      CGP_INIT(cgp_room_token, text, w->self->settings.clients, v.exp_s * 1000000);
  w->host->done(w->host, call, &done);
}

static void health(void *worker, struct cgp_call call) {
  struct worker *w = worker;
  if (w->health) {
    health_tell(w->health, call);
  } else {
    const struct cgp_health none = {
        .size = sizeof none, .ok = true, .text = "no SFU: tokens only"};
    w->host->done(w->host, call, &none);
  }
}

static const struct cgp_room_ops ops = {
    .size = sizeof ops,
    .ensure = ensure,
    .token = token,
    .remove = put_out,
    .participants = participants,
};

static const struct cgp_route routes[] = {
    CGP_INIT(cgp_route, "POST", "/webhook/livekit", webhook_route),
};

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "room_livekit",
    .version = CAMGATE_VERSION,
    .summary = "Rooms, tokens and webhooks of a LiveKit SFU.",
    .options = settings_options,
    .n_options = SETTINGS_OPTIONS,
    .init = init,
    .fini = fini,
    .start = start,
    .stop = stop,
    .health = health,
    .room = &ops,
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
