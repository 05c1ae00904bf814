#include "health.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

/* Shorter than a failed request is held against us: an older answer ends none. */
#define KEPT_US 1000000

/* In the call's own memory. */
struct asker {
  struct cgp_call call;
  STAILQ_ENTRY(asker) next;
};

struct health {
  struct cgp_host *host;
  struct twirp *twirp;
  const char *base;
  bool asking, asked, ok;
  int64_t asked_us;
  STAILQ_HEAD(, asker) askers;
  char text[512];
};

struct health *health_new(struct cgp_host *h, struct twirp *t, const char *base) {
  struct health *v = calloc(1, sizeof *v);
  if (!v) return NULL;
  v->host = h;
  v->twirp = t;
  v->base = base;
  STAILQ_INIT(&v->askers);
  return v;
}

void health_free(struct health *v) {
  free(v);
}

static void tell(struct health *v, struct cgp_call call) {
  v->host->done(v->host, call, &CGP_MAKE(cgp_health, .ok = v->ok, .text = v->text));
}

static void learnt(void *arg, const struct twirp_answer *a) {
  struct health *v = arg;
  struct asker *first;
  v->asking = false;
  v->asked = true;
  v->asked_us = v->host->mono_us(v->host);
  v->ok = a->code == CGP_OK;
  if (v->ok) {
    snprintf(v->text, sizeof v->text, "livekit %s answers", v->base);
  } else {
    snprintf(v->text, sizeof v->text, "%s", a->text);
  }
  while ((first = STAILQ_FIRST(&v->askers))) {
    struct cgp_call call = first->call;
    STAILQ_REMOVE_HEAD(&v->askers, next);
    tell(v, call);
  }
}

/* A name that no room has: the shortest answer there is. */
static const char question[] = "{\"names\":[\"camgate health\"]}";

void health_tell(struct health *v, struct cgp_call call) {
  if (!v->asking && v->asked && v->host->mono_us(v->host) - v->asked_us < KEPT_US) {
    tell(v, call);
    return;
  }
  struct asker *a = v->host->call_alloc(v->host, call, sizeof *a);
  if (a && !v->asking) {
    v->asking = twirp_call(v->twirp, call, "ListRooms", NULL, question, learnt, v);
  }
  if (!a || !v->asking) {
    v->host->fail(v->host, call, CGP_E_BUSY, "livekit: no memory to ask");
    return;
  }
  a->call = call;
  STAILQ_INSERT_TAIL(&v->askers, a, next);
}
