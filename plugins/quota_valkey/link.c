#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dial.h"
#include "greet.h"
#include "standing.h"
#include "stream.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MOST_MS  2000
#define NAME_MS          5000

enum state { AWAY, DIALLING, READY };

/* A command under way: in the queue of those sent, or of those held back. */
struct command {
  struct command *next;
  struct link *link;
  link_fn *fn;
  void *arg;
  struct cgp_call call;
  int64_t due_us;
  size_t wire_size;
  char wire[]; /* when held back */
};

struct queue {
  struct command *first, **last;
};

struct link {
  struct cgp_host *host;
  struct link_config config;
  enum state state;
  uint32_t attempts; /* since it was last ready */
  uint32_t n_open;
  bool closing;
  struct dial *dial;
  struct stream *stream; /* greeted, or ready */
  struct queue sent, held;
  struct cgp_timer *step;  /* begins the next dial, ends a greeting, fails the held */
  struct cgp_timer *watch; /* on the oldest command sent */
  struct greet greet;
  enum cgp_code code; /* of what fails while away, with its words */
  char words[540];
};

static void dial_again(void *arg);

static void queue_put(struct queue *q, struct command *c) {
  c->next = NULL;
  *q->last = c;
  q->last = &c->next;
}

static struct command *queue_take(struct queue *q) {
  struct command *c = q->first;
  if (c && !(q->first = c->next)) q->last = &q->first;
  return c;
}

static void answer(struct command *c, const struct link_answer *a) {
  c->link->n_open--;
  c->fn(c->arg, c->call, a);
  free(c);
}

static void set_step(struct link *l, uint32_t ms, void (*fn)(void *)) {
  if (l->step) l->host->timer_stop(l->host, l->step);
  l->step = l->host->timer(l->host, ms, fn, l);
}

/* Losing a connection. */

static uint32_t backoff_ms(const struct link *l) {
  uint32_t doublings = l->attempts < 6 ? l->attempts : 6;
  uint32_t ms = BACKOFF_FIRST_MS << doublings;
  if (ms > BACKOFF_MOST_MS) ms = BACKOFF_MOST_MS;
  return ms - (uint32_t)(l->host->mono_us(l->host) % (ms / 4)); /* gates spread out */
}

static void fail_all(struct link *l, struct queue *q) {
  struct link_answer a = {.code = l->code, .words = l->words};
  for (struct command *c; (c = queue_take(q));) answer(c, &a);
}

static void go_away(struct link *l, enum cgp_code code, const char *why) {
  char words[sizeof l->words];
  if (l->state == AWAY) return;
  snprintf(words, sizeof words, "valkey %s: %.230s", l->config.url.shown, why);
  if (strcmp(words, l->words) != 0) l->host->log(l->host, CGP_WARN, "%s", words);
  memcpy(l->words, words, sizeof words);
  l->code = code;
  l->state = AWAY;
  dial_cancel(l->dial);
  stream_free(l->stream);
  l->stream = NULL;
  set_step(l, backoff_ms(l), dial_again);
  fail_all(l, &l->sent);
  fail_all(l, &l->held);
}

/* Commands. */

/* Error replies after which this connection is of no use. */
static const struct {
  const char *prefix;
  enum cgp_code code;
  bool redial;
} errors[] = {
    {"ERR Function not found", CGP_E_UNAVAILABLE, true},
    {"READONLY", CGP_E_UNAVAILABLE, true},
    {"LOADING", CGP_E_UNAVAILABLE, true},
    {"MASTERDOWN", CGP_E_UNAVAILABLE, true},
    {"NOAUTH", CGP_E_UNAVAILABLE, true},
    {"WRONGTYPE", CGP_E_INTERNAL, false},
    {"", CGP_E_UNAVAILABLE, false},
};

static void answer_error(struct command *c, const redisReply *reply) {
  struct link *l = c->link;
  char words[540];
  size_t i = 0;
  while (strncmp(reply->str, errors[i].prefix, strlen(errors[i].prefix)) != 0) i++;
  char why[256];
  standing_explain(reply->str, why, sizeof why);
  snprintf(words, sizeof words, "valkey %s: %.230s", l->config.url.shown, why);
  if (errors[i].redial) go_away(l, errors[i].code, why);
  answer(c, &(struct link_answer){.code = errors[i].code, .words = words});
}

static void on_reply(void *arg, const redisReply *reply) {
  struct link *l = arg;
  if (l->state == DIALLING) {
    greet_replied(&l->greet, reply);
    return;
  }
  struct command *c = queue_take(&l->sent); /* answers come in order */
  if (!c)
    go_away(l, CGP_E_UNAVAILABLE, "it answers what nobody asked");
  else if (reply->type == REDIS_REPLY_ERROR)
    answer_error(c, reply);
  else
    answer(c, &(struct link_answer){.code = CGP_OK, .reply = reply});
}

static void on_end(void *arg, const char *why) {
  go_away(arg, CGP_E_UNAVAILABLE, why);
}

static void watch(void *arg) {
  struct link *l = arg;
  l->watch = NULL;
  if (l->state != READY || !l->sent.first) return;
  int64_t left_us = l->sent.first->due_us - l->host->mono_us(l->host);
  if (left_us <= 0)
    go_away(l, CGP_E_TIMEOUT, "no answer in time");
  else
    l->watch = l->host->timer(l->host, (uint32_t)(left_us / 1000) + 1, watch, l);
}

static void refuse(link_fn *fn, void *arg, struct cgp_call call, enum cgp_code code,
                   const char *words) {
  fn(arg, call, &(struct link_answer){.code = code, .words = words});
}

static void transmit(struct link *l, struct command *c, const char *wire, size_t n) {
  if (!stream_write(l->stream, wire, n)) {
    answer(c, &(struct link_answer){.code = CGP_E_UNAVAILABLE,
                                    .words = "valkey: out of memory"});
    return;
  }
  c->due_us = l->host->mono_us(l->host) + (int64_t)l->config.timeout_ms * 1000;
  queue_put(&l->sent, c);
  if (!l->watch) l->watch = l->host->timer(l->host, l->config.timeout_ms, watch, l);
}

void link_send(struct link *l, const struct wire *w, link_fn *fn, void *arg,
               struct cgp_call call) {
  if (l->state == AWAY || (l->state == DIALLING && l->attempts > 1)) {
    if (!l->step && !l->closing) set_step(l, backoff_ms(l), dial_again);
    refuse(fn, arg, call, CGP_E_UNAVAILABLE, l->words);
    return;
  }
  if (l->n_open >= l->config.max_pending) {
    refuse(fn, arg, call, CGP_E_BUSY, "valkey: max_pending commands are under way");
    return;
  }
  size_t keep = l->state == READY ? 0 : w->n;
  struct command *c = w->failed ? NULL : malloc(sizeof *c + keep);
  if (!c) {
    refuse(fn, arg, call, CGP_E_BUSY, "valkey: out of memory");
    return;
  }
  *c = (struct command){.link = l, .fn = fn, .arg = arg, .call = call, .wire_size = keep};
  l->n_open++;
  if (l->state == READY) {
    transmit(l, c, w->p, w->n);
    return;
  }
  memcpy(c->wire, w->p, keep);
  queue_put(&l->held, c);
}

/* Dialling. */

static void on_greeted(void *arg, const char *words) {
  struct link *l = arg;
  if (l->state != DIALLING) return;
  if (words) {
    go_away(l, CGP_E_UNAVAILABLE, words);
    return;
  }
  l->host->timer_stop(l->host, l->step);
  l->step = NULL;
  l->state = READY;
  l->attempts = 0;
  l->words[0] = '\0';
  l->host->log(l->host, CGP_INFO, "valkey %s: connected", l->config.url.shown);
  for (struct command *c; l->state == READY && (c = queue_take(&l->held));)
    transmit(l, c, c->wire, c->wire_size);
}

static void is_late(void *arg) {
  struct link *l = arg;
  l->step = NULL;
  go_away(l, CGP_E_UNAVAILABLE, "no greeting in time");
}

static void on_dialled(void *arg, struct bufferevent *bev, const char *words) {
  struct link *l = arg;
  if (bev) l->stream = stream_new(bev, &(struct stream_events){on_reply, on_end, l});
  if (l->stream) {
    set_step(l, l->config.timeout_ms, is_late);
    greet_begin(&l->greet, l->stream);
  } else
    go_away(l, CGP_E_UNAVAILABLE, words ? words : "out of memory");
}

/* Its name takes long, alone or with its addresses: nobody waits for that.  What was
 * wrong before is known better than what is not known yet. */
static void let_go_of_held(void *arg) {
  struct link *l = arg;
  l->step = NULL;
  l->attempts++;
  if (!l->words[0])
    snprintf(l->words, sizeof l->words, "valkey %s: %s", l->config.url.shown,
             dial_asks_name(l->dial) ? "its name is not resolved yet"
                                     : "no connection yet");
  fail_all(l, &l->held);
}

static void dial_again(void *arg) {
  struct link *l = arg;
  l->step = NULL;
  l->state = DIALLING;
  l->attempts++;
  set_step(l, l->config.timeout_ms, let_go_of_held);
  dial_begin(l->dial, NAME_MS, l->config.timeout_ms);
}

struct link *link_new(struct cgp_host *h, const struct link_config *config) {
  struct link *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->host = h;
  l->config = *config;
  l->sent.last = &l->sent.first;
  l->held.last = &l->held.first;
  l->code = CGP_E_UNAVAILABLE;
  l->dial = dial_new(
      h, &(struct dial_config){
             .url = &l->config.url, .tls = config->tls, .done = on_dialled, .arg = l});
  if (!l->dial) {
    free(l);
    return NULL;
  }
  l->greet = (struct greet){.url = &l->config.url,
                            .load_functions = config->load_functions,
                            .read_only = config->read_only,
                            .no_key = config->no_key,
                            .done = on_greeted,
                            .arg = l};
  dial_again(l);
  return l;
}

const char *link_server(const struct link *l) {
  return l->greet.server;
}

const char *link_version(const struct link *l) {
  return l->greet.version;
}

void link_free(struct link *l) {
  if (!l) return;
  l->closing = true;
  l->state = AWAY;
  l->code = CGP_E_UNAVAILABLE;
  snprintf(l->words, sizeof l->words, "valkey: the gate is stopping");
  if (l->step) l->host->timer_stop(l->host, l->step);
  if (l->watch) l->host->timer_stop(l->host, l->watch);
  dial_free(l->dial);
  stream_free(l->stream);
  fail_all(l, &l->sent);
  fail_all(l, &l->held);
  wire_free(&l->greet.wire);
  free(l);
}
