#include "plugin/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define NONE      UINT32_MAX
#define SLOT_BITS 20
#define SLOTS_MAX (1u << SLOT_BITS)
#define SLOT_MASK (SLOTS_MAX - 1)
#define KINDS     (CG_MISUSE_NONSENSE + 1)

enum state { FREE, OPEN, ENDING, TIMED_OUT };

struct memory { /* of call_alloc, newest first */
  struct memory *next;
  size_t n;
  max_align_t data[];
};

struct slot {
  uint32_t gen; /* of the call in it, or of the last one */
  enum state state;
  uint32_t prev, next; /* neighbours in its deadline's queue; next: free list */
  uint32_t queue;
  int64_t due_us;
  struct cg_call_owner *owner;
  const struct cg_result_kind *kind;
  cg_call_fn *fn;
  void *arg;
  struct memory *memory;
  struct cg_outcome *outcome;
  struct cg_trace trace;
};

/* Calls with one deadline fall due in the order they began. */
struct queue {
  struct cg_calls *calls;
  uint32_t ms, head, tail;
  bool armed;
  struct cg_timer timer;
};

struct cg_calls {
  struct cg_loop *loop;
  struct cg_log *log;
  struct cg_metrics *metrics;
  uint32_t worker;
  struct slot *slots;
  uint32_t n_slots, free, open;
  struct queue queues[CG_CALLS_DEADLINES];
  uint32_t n_queues;
  int counters[KINDS];
};

static const struct {
  const char *labels, *words;
} misuses[KINDS] = {
    [CG_MISUSE_TWICE] = {"kind=\"twice\"", "plugin completed a call twice"},
    [CG_MISUSE_THREAD] = {"kind=\"thread\"", "plugin used a call on another thread"},
    [CG_MISUSE_STALE] = {"kind=\"stale\"", "plugin used a call that is over"},
    [CG_MISUSE_LATE] = {"kind=\"late\"", "plugin completed a call after its deadline"},
    [CG_MISUSE_NONSENSE] = {"kind=\"nonsense\"", "plugin answered nonsense"},
};

static int counter(struct cg_metrics *metrics, int kind) {
  return cg_metric(metrics, CG_COUNTER, "plugin_misuse_total", misuses[kind].labels,
                   "Completions of plugins that were dropped.");
}

bool cg_calls_metrics(struct cg_metrics *metrics) {
  for (int i = 0; i < KINDS; i++)
    if (counter(metrics, i) < 0) return false;
  return true;
}

struct cg_calls *cg_calls_new(struct cg_loop *loop, struct cg_log *log,
                              struct cg_metrics *metrics, uint32_t worker) {
  struct cg_calls *c = cg_alloc(sizeof *c);
  if (!c) return NULL;
  c->loop = loop;
  c->log = log;
  c->metrics = metrics;
  c->worker = worker;
  c->free = NONE;
  for (int i = 0; i < KINDS; i++) c->counters[i] = counter(metrics, i);
  return c;
}

void cg_call_misused(struct cg_calls *c, enum cg_misuse kind, const char *plugin) {
  if (c->counters[kind] >= 0) cg_metric_add(c->metrics, c->worker, c->counters[kind], 1);
  CG_LOG(c->log, CG_WARN, misuses[kind].words, {"plugin", plugin, 0},
         {"worker", NULL, c->worker});
}

/* ---- slots and handles ---- */

static struct cgp_call handle(const struct cg_calls *c, uint32_t i) {
  uint64_t home = (c->worker & 0xfffu) << SLOT_BITS;
  return (struct cgp_call){(uint64_t)c->slots[i].gen << 32 | home | i};
}

static uint32_t gen_of(struct cgp_call call) {
  return (uint32_t)(call.id >> 32);
}

/* The slot that a handle names, whatever has become of its call; NULL: never ours. */
static struct slot *named(const struct cg_calls *c, struct cgp_call call) {
  uint32_t i = (uint32_t)call.id & SLOT_MASK;
  uint32_t home = (uint32_t)call.id >> SLOT_BITS;
  if (home != (c->worker & 0xfffu) || i >= c->n_slots) return NULL;
  return &c->slots[i];
}

static bool grow(struct cg_calls *c) {
  if (c->n_slots == SLOTS_MAX) return false;
  uint32_t n = c->n_slots ? c->n_slots * 2 : 64;
  struct slot *slots = cg_realloc(c->slots, n * sizeof *slots);
  if (!slots) return false;
  for (uint32_t i = n; i-- > c->n_slots;) {
    slots[i] = (struct slot){.next = c->free};
    c->free = i;
  }
  c->slots = slots;
  c->n_slots = n;
  return true;
}

static void give_back(struct cg_calls *c, struct slot *s) {
  for (struct memory *m = s->memory, *next; m; m = next) {
    next = m->next;
    s->owner->bytes -= m->n;
    cg_free(m);
  }
  s->memory = NULL;
  s->owner->open--;
  s->state = FREE;
  s->next = c->free;
  c->free = (uint32_t)(s - c->slots);
}

/* ---- deadlines ---- */

static void expire(void *arg);

static void arm(struct queue *q, int64_t us) {
  q->armed = true;
  cg_timer_start(&q->timer, q->calls->loop, us < 1000 ? 1000 : us, expire, q);
}

static void unlink_call(struct cg_calls *c, struct slot *s) {
  struct queue *q = &c->queues[s->queue];
  if (s->prev == NONE)
    q->head = s->next;
  else
    c->slots[s->prev].next = s->next;
  if (s->next == NONE)
    q->tail = s->prev;
  else
    c->slots[s->next].prev = s->prev;
}

static void link_call(struct cg_calls *c, struct slot *s, struct queue *q) {
  uint32_t i = (uint32_t)(s - c->slots);
  s->queue = (uint32_t)(q - c->queues);
  s->prev = q->tail;
  s->next = NONE;
  if (q->tail == NONE)
    q->head = i;
  else
    c->slots[q->tail].next = i;
  q->tail = i;
}

static void note(const struct slot *s, enum cgp_code code, const char *text) {
  if (s->outcome) cg_outcome_note(s->outcome, code, text);
}

static void time_out(struct cg_calls *c, struct slot *s, uint32_t ms) {
  char text[160];
  snprintf(text, sizeof text, "%s did not answer within %" PRIu32 " ms", s->owner->plugin,
           ms);
  unlink_call(c, s);
  s->state = TIMED_OUT;
  c->open--;
  note(s, CGP_E_TIMEOUT, text);
  s->fn(s->arg, CGP_E_TIMEOUT, NULL, text);
}

/* A queue's timer fires at most once per deadline, however many calls came and went. */
static void expire(void *arg) {
  struct queue *q = arg;
  struct cg_calls *c = q->calls;
  int64_t now = cg_loop_now(c->loop);
  while (q->head != NONE && c->slots[q->head].due_us <= now)
    time_out(c, &c->slots[q->head], q->ms);
  q->armed = false;
  if (q->head != NONE) arm(q, c->slots[q->head].due_us - now);
}

static struct queue *queue_of(struct cg_calls *c, uint32_t ms) {
  for (uint32_t i = 0; i < c->n_queues; i++)
    if (c->queues[i].ms == ms) return &c->queues[i];
  CG_CHECK(c->n_queues < CG_CALLS_DEADLINES);
  struct queue *q = &c->queues[c->n_queues++];
  *q = (struct queue){.calls = c, .ms = ms, .head = NONE, .tail = NONE};
  return q;
}

/* ---- the life of a call ---- */

struct cgp_call cg_call_begin(struct cg_calls *c, struct cg_call_owner *owner,
                              uint32_t deadline_ms, const struct cg_result_kind *kind,
                              cg_call_fn *fn, void *arg) {
  if (owner->open >= CG_CALLS_PER_PLUGIN) return (struct cgp_call){0};
  if (c->free == NONE && !grow(c)) return (struct cgp_call){0};
  struct queue *q = queue_of(c, deadline_ms);
  if (!q->armed) arm(q, (int64_t)q->ms * 1000);
  struct slot *s = &c->slots[c->free];
  c->free = s->next;
  s->gen = s->gen == UINT32_MAX ? 1 : s->gen + 1;
  s->state = OPEN;
  s->owner = owner;
  s->kind = kind;
  s->fn = fn;
  s->arg = arg;
  s->trace = (struct cg_trace){.id = ""};
  s->outcome = NULL;
  s->due_us = cg_loop_now(c->loop) + (int64_t)deadline_ms * 1000;
  link_call(c, s, q);
  owner->open++;
  c->open++;
  return handle(c, (uint32_t)(s - c->slots));
}

/* The handle's slot while its call is open; else NULL. */
static struct slot *open_slot(const struct cg_calls *c, struct cgp_call call) {
  struct slot *s = named(c, call);
  return s && s->gen == gen_of(call) && s->state == OPEN ? s : NULL;
}

void cg_call_set_trace(struct cg_calls *c, struct cgp_call call,
                       const struct cg_trace *trace) {
  struct slot *s = open_slot(c, call);
  if (s && trace) s->trace = *trace;
}

void cg_call_set_outcome(struct cg_calls *c, struct cgp_call call,
                         struct cg_outcome *outcome) {
  struct slot *s = open_slot(c, call);
  if (s) s->outcome = outcome;
}

const struct cg_trace *cg_call_trace(const struct cg_calls *c, struct cgp_call call) {
  const struct slot *s = open_slot(c, call);
  return s && *s->trace.id ? &s->trace : NULL;
}

/* The handle's slot while its call may be completed; else NULL, and it is counted. */
static struct slot *completing(struct cg_calls *c, struct cgp_call call) {
  if (!cg_loop_is_mine(c->loop)) {
    cg_call_misused(c, CG_MISUSE_THREAD, "");
    return NULL;
  }
  struct slot *s = named(c, call);
  const char *plugin = s && s->owner ? s->owner->plugin : "";
  if (!s || s->gen != gen_of(call))
    cg_call_misused(c, CG_MISUSE_STALE, plugin);
  else if (s->state == OPEN)
    return s;
  else if (s->state == TIMED_OUT)
    cg_call_misused(c, CG_MISUSE_LATE, plugin), give_back(c, s);
  else
    cg_call_misused(c, CG_MISUSE_TWICE, plugin);
  return NULL;
}

static void end(struct cg_calls *c, struct slot *s, enum cgp_code code,
                const void *result, const char *text) {
  uint32_t i = (uint32_t)(s - c->slots);
  unlink_call(c, s);
  s->state = ENDING;
  c->open--;
  note(s, code, text);
  s->fn(s->arg, code, result, text);
  give_back(c, &c->slots[i]); /* the table may have moved */
}

static void end_well(struct cg_calls *c, struct slot *s, const void *result) {
  struct cg_arena *copies = NULL;
  const void *read = result;
  if (s->kind->texts) read = cg_texts_mend(s->kind->texts, result, &copies);
  if (read || !result)
    end(c, s, CGP_OK, read, "");
  else
    end(c, s, CGP_E_BUSY, NULL, "no memory to read an answer");
  cg_arena_free(copies, NULL);
}

void cg_call_done(struct cg_calls *c, struct cgp_call call, const void *result) {
  struct slot *s = completing(c, call);
  if (!s) return;
  _Alignas(max_align_t) char room[CG_RESULT_MAX];
  const char *odd;
  const void *read = cg_result_read(s->kind, result, room, &odd);
  if (!odd) {
    end_well(c, s, read);
    return;
  }
  char text[160];
  snprintf(text, sizeof text, "%s answered nonsense: %s", s->owner->plugin, odd);
  cg_call_misused(c, CG_MISUSE_NONSENSE, s->owner->plugin);
  end(c, s, CGP_E_INTERNAL, NULL, text);
}

void cg_call_fail(struct cg_calls *c, struct cgp_call call, enum cgp_code code,
                  const char *text) {
  struct slot *s = completing(c, call);
  if (!s) return;
  if (code <= CGP_OK || code > CGP_E_INTERNAL) code = CGP_E_INTERNAL;
  end(c, s, code, NULL, text);
}

void *cg_call_alloc(struct cg_calls *c, struct cgp_call call, size_t n) {
  if (!cg_loop_is_mine(c->loop)) {
    cg_call_misused(c, CG_MISUSE_THREAD, "");
    return NULL;
  }
  struct slot *s = named(c, call);
  if (!s || s->gen != gen_of(call) || s->state == FREE) {
    cg_call_misused(c, CG_MISUSE_STALE, s && s->owner ? s->owner->plugin : "");
    return NULL;
  }
  if (n > CG_CALLS_MEMORY - s->owner->bytes) return NULL;
  struct memory *m = cg_alloc(sizeof *m + n);
  if (!m) return NULL;
  m->next = s->memory;
  m->n = n;
  s->memory = m;
  s->owner->bytes += n;
  return m->data;
}

void cg_calls_free(struct cg_calls *c) {
  if (!c) return;
  for (uint32_t q = 0; q < c->n_queues; q++) {
    while (c->queues[q].head != NONE)
      end(c, &c->slots[c->queues[q].head], CGP_E_UNAVAILABLE, NULL,
          "the gate is stopping");
    cg_timer_stop(&c->queues[q].timer);
  }
  for (uint32_t i = 0; i < c->n_slots; i++)
    if (c->slots[i].state == TIMED_OUT) give_back(c, &c->slots[i]);
  cg_free(c->slots);
  cg_free(c);
}

uint32_t cg_calls_open(const struct cg_calls *c) {
  return c->open;
}

bool cg_call_is_open(const struct cg_calls *c, struct cgp_call call) {
  return open_slot(c, call);
}

static const enum cg_code codes[] = {
    [CGP_OK] = CG_OK,
    [CGP_E_UNAVAILABLE] = CG_E_UNAVAILABLE,
    [CGP_E_TIMEOUT] = CG_E_TIMEOUT,
    [CGP_E_NOTFOUND] = CG_E_NOT_FOUND,
    [CGP_E_INVALID] = CG_E_INVALID,
    [CGP_E_BUSY] = CG_E_BUSY,
    [CGP_E_INTERNAL] = CG_E_INTERNAL,
};

enum cg_code cg_code_of(enum cgp_code code) {
  return (size_t)code < CG_COUNT(codes) ? codes[code] : CG_E_INTERNAL;
}

enum cg_code cg_trouble_of(enum cgp_code code) {
  enum cg_code ours = cg_code_of(code);
  return ours == CG_E_NOT_FOUND || ours == CG_E_INVALID ? CG_E_INTERNAL : ours;
}
