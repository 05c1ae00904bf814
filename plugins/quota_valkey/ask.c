#include "ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFF_MS      1000 /* as OFF_MS in library/1_keys.lua */
#define COARSE_US   500000
#define PATIENCE_US INT64_C(10000000)

enum { RECOUNTS = -3, ANOTHER_TIME = -2 };

struct question {
  struct asker *by;
  link_fn *fn;
  void *arg;
  int64_t began_us, sent_us;
  int64_t step_ms; /* seen once; 0 = none */
  size_t n;
  char command[];
};

static void send(struct question *q, struct cgp_call call);

static int64_t now_us(const struct asker *a) {
  return a->host->mono_us(a->host);
}

static void refuse(struct question *q, struct cgp_call call, const char *words) {
  q->fn(q->arg, call, &(struct link_answer){.code = CGP_E_UNAVAILABLE, .words = words});
}

/* ---- the quota's time ---- */

void ask_learn(struct asker *a, int64_t time_ms, int64_t sent_us) {
  int64_t now = now_us(a);
  if (now - sent_us > COARSE_US && a->pace->ahead_ms != 0) return;
  a->pace->ahead_ms = time_ms - (sent_us + (now - sent_us) / 2) / 1000;
}

/* By how much time_ms is off, seen between sent_us and now.  0: it is not. */
static int64_t off_ms(const struct question *q, int64_t time_ms) {
  int64_t ahead = q->by->pace->ahead_ms, now = now_us(q->by);
  int64_t earliest = ahead + q->sent_us / 1000, latest = ahead + now / 1000;
  if (time_ms > latest + OFF_MS) return time_ms - latest;
  return time_ms < earliest - OFF_MS ? time_ms - earliest : 0;
}

static void on_shifted(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct question *q = arg;
  struct cgp_host *host = q->by->host;
  if (a->code != CGP_OK) {
    q->fn(q->arg, call, a);
    return;
  }
  if (a->reply->type == REDIS_REPLY_INTEGER && a->reply->integer == 1) {
    host->metric_add(host, q->by->steps, 1);
    host->log(host, CGP_WARN,
              "valkey: its clock stepped by %" PRId64
              " ms; holdings lapse at their pace, as if it had not",
              q->step_ms);
  }
  q->step_ms = 0;
  send(q, call);
}

static void shift(struct question *q, struct cgp_call call, int64_t seen) {
  struct asker *a = q->by;
  char text[24];
  a->begin_shift(a->arg, &a->wire);
  snprintf(text, sizeof text, "%" PRId64, seen);
  wire_text(&a->wire, text);
  snprintf(text, sizeof text, "%" PRId64, seen - q->step_ms);
  wire_text(&a->wire, text);
  link_send(a->link, &a->wire, on_shifted, q, call);
}

/* Twice off by the same is a step; anything else is measured again. */
static void judge_time(struct question *q, struct cgp_call call, const redisReply *r) {
  int64_t off = off_ms(q, r->element[1]->integer);
  bool confirmed = off != 0 && q->step_ms != 0 && llabs(off - q->step_ms) < OFF_MS;
  q->step_ms = off;
  if (confirmed)
    shift(q, call, r->element[2]->integer);
  else
    send(q, call);
}

/* ---- asking ---- */

static int again(const redisReply *r) {
  if (r->type != REDIS_REPLY_ARRAY || r->elements < 1 ||
      r->element[0]->type != REDIS_REPLY_INTEGER)
    return 0;
  bool time = r->element[0]->integer == ANOTHER_TIME && r->elements == 3;
  return time ? ANOTHER_TIME : r->element[0]->integer == RECOUNTS ? RECOUNTS : 0;
}

static void on_answer(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct question *q = arg;
  int word = a->code == CGP_OK ? again(a->reply) : 0;
  if (word == 0)
    q->fn(q->arg, call, a);
  else if (now_us(q->by) - q->began_us > PATIENCE_US)
    refuse(q, call,
           word == RECOUNTS ? "valkey: the counters are being recounted"
                            : "valkey: its clock does not hold still");
  else if (word == RECOUNTS)
    send(q, call);
  else
    judge_time(q, call, a->reply);
}

static void send(struct question *q, struct cgp_call call) {
  int64_t ahead = q->by->pace->ahead_ms;
  q->sent_us = now_us(q->by);
  wire_set_moment(q->command, q->n, ahead ? ahead + q->sent_us / 1000 : 0);
  link_send(q->by->link, &(struct wire){.p = q->command, .n = q->n, .cap = q->n},
            on_answer, q, call);
}

void ask(struct asker *a, const struct wire *w, link_fn *fn, void *arg,
         struct cgp_call call) {
  struct question *q =
      w->failed ? NULL : a->host->call_alloc(a->host, call, sizeof *q + w->n);
  if (!q) {
    fn(arg, call,
       &(struct link_answer){.code = CGP_E_BUSY, .words = "valkey: out of memory"});
    return;
  }
  *q = (struct question){.by = a, .fn = fn, .arg = arg, .began_us = now_us(a), .n = w->n};
  memcpy(q->command, w->p, w->n);
  send(q, call);
}
