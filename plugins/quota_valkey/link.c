#include "link.h"

#include <hiredis/adapters/libevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "greet.h"
#include "resolve.h"
#include "standing.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MOST_MS  2000

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
  redisAsyncContext *ac;   /* dialling, ready */
  redisAsyncContext *dead; /* given up, freed in the next turn */
  struct queue sent, held;
  struct cgp_timer *step;  /* ends a dial, frees the dead, begins the next dial */
  struct cgp_timer *watch; /* on the oldest command sent */
  struct resolve resolve;
  struct greet greet;
  enum cgp_code code; /* of what fails while away, with its words */
  char words[540];
};

static void dial(void *arg);

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

static void bury(void *arg) {
  struct link *l = arg;
  redisAsyncContext *dead = l->dead;
  l->step = NULL;
  l->dead = NULL;
  if (dead) redisAsyncFree(dead);
  set_step(l, backoff_ms(l), dial);
}

static void fail_held(struct link *l) {
  struct link_answer a = {.code = l->code, .words = l->words};
  for (struct command *c; (c = queue_take(&l->held));) answer(c, &a);
}

static void go_away(struct link *l, enum cgp_code code, const char *why) {
  char words[sizeof l->words];
  if (l->state == AWAY) return;
  snprintf(words, sizeof words, "valkey %s: %.230s", l->config.url.shown, why);
  if (strcmp(words, l->words) != 0) l->host->log(l->host, CGP_WARN, "%s", words);
  memcpy(l->words, words, sizeof words);
  l->code = code;
  l->state = AWAY;
  l->dead = l->ac;
  l->ac = NULL;
  set_step(l, 0, bury);
  fail_held(l);
}

/* ac->err is not set yet when a connection was not made. */
static const char *why_of(const redisAsyncContext *ac) {
  return ac->c.err ? ac->c.errstr : "the connection ended";
}

/* hiredis frees ac by itself after this. */
static void gone(struct link *l, redisAsyncContext *ac, const char *why) {
  if (l->dead == ac) l->dead = NULL;
  if (l->ac != ac) return;
  l->ac = NULL;
  go_away(l, CGP_E_UNAVAILABLE, why);
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
  struct link *l = ac->data;
  (void)status;
  if (ac == l->ac) gone(l, l->ac, why_of(ac));
  if (ac == l->dead) l->dead = NULL;
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

static void on_reply(redisAsyncContext *ac, void *arg, void *privdata) {
  const redisReply *reply = arg;
  struct command *c = privdata;
  struct link *l = c->link;
  queue_take(&l->sent); /* answers come in order */
  if (!reply) {
    gone(l, ac, why_of(ac));
    answer(c, &(struct link_answer){.code = l->code, .words = l->words});
  } else if (reply->type == REDIS_REPLY_ERROR)
    answer_error(c, reply);
  else
    answer(c, &(struct link_answer){.code = CGP_OK, .reply = reply});
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
  if (redisAsyncFormattedCommand(l->ac, on_reply, c, wire, n) != REDIS_OK) {
    answer(c,
           &(struct link_answer){.code = CGP_E_UNAVAILABLE, .words = "valkey: closing"});
    return;
  }
  c->due_us = l->host->mono_us(l->host) + (int64_t)l->config.timeout_ms * 1000;
  queue_put(&l->sent, c);
  if (!l->watch) l->watch = l->host->timer(l->host, l->config.timeout_ms, watch, l);
}

void link_send(struct link *l, const struct wire *w, link_fn *fn, void *arg,
               struct cgp_call call) {
  if (l->state == AWAY || (l->state == DIALLING && l->attempts > 1)) {
    if (!l->step && !l->closing) set_step(l, 0, bury);
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

static void on_connect(const redisAsyncContext *ac, int status) {
  struct link *l = ac->data;
  if (ac == l->ac && status == REDIS_OK)
    greet_begin(&l->greet, l->ac);
  else if (status != REDIS_OK)
    on_disconnect(ac, status);
}

static void attach(struct link *l, redisAsyncContext *ac) {
  if (!ac || ac->err) {
    char why[96];
    snprintf(why, sizeof why, "%s", ac ? ac->errstr : "out of memory");
    if (ac) redisAsyncFree(ac);
    go_away(l, CGP_E_UNAVAILABLE, why);
    return;
  }
  l->ac = ac;
  ac->data = l;
  redisLibeventAttach(ac, l->host->event_base(l->host));
  redisAsyncSetConnectCallback(ac, on_connect);
  redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

static void on_address(void *arg, const char *address, const char *words) {
  struct link *l = arg;
  if (l->state != DIALLING || l->ac) return;
  if (words)
    go_away(l, CGP_E_UNAVAILABLE, words);
  else
    attach(l, redisAsyncConnect(address, l->config.url.port));
}

static void dial_is_late(void *arg) {
  struct link *l = arg;
  l->step = NULL;
  go_away(l, CGP_E_UNAVAILABLE, "no connection in time");
}

static void dial(void *arg) {
  struct link *l = arg;
  l->step = NULL;
  l->state = DIALLING;
  l->attempts++;
  set_step(l, l->config.timeout_ms, dial_is_late);
  if (l->config.url.path[0])
    attach(l, redisAsyncConnectUnix(l->config.url.path));
  else
    resolve_begin(&l->resolve, l->host->event_base(l->host), l->config.url.host);
}

struct link *link_new(struct cgp_host *h, const struct link_config *config) {
  struct link *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->host = h;
  l->config = *config;
  l->sent.last = &l->sent.first;
  l->held.last = &l->held.first;
  l->code = CGP_E_UNAVAILABLE;
  l->resolve = (struct resolve){.done = on_address, .arg = l};
  l->greet = (struct greet){.url = &l->config.url,
                            .load_functions = config->load_functions,
                            .read_only = config->read_only,
                            .no_key = config->no_key,
                            .done = on_greeted,
                            .arg = l};
  dial(l);
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
  redisAsyncContext *open[] = {l->dead, l->ac};
  l->closing = true;
  l->state = AWAY;
  l->dead = l->ac = NULL;
  l->code = CGP_E_UNAVAILABLE;
  snprintf(l->words, sizeof l->words, "valkey: the gate is stopping");
  if (l->step) l->host->timer_stop(l->host, l->step);
  if (l->watch) l->host->timer_stop(l->host, l->watch);
  resolve_clear(&l->resolve);
  for (size_t i = 0; i < 2; i++)
    if (open[i]) redisAsyncFree(open[i]);
  fail_held(l);
  free(l);
}
