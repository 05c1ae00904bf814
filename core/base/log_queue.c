#include "base/log_queue.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define SECOND_US INT64_C(1000000)

struct kind {
  int64_t until_us; /* the second that began with its last line is over */
  uint64_t nth;     /* of the line that is held, among all that were put */
  uint64_t n_held;
  uint32_t n_told; /* in this second */
  uint32_t n;
};

struct cg_log_queue {
  uint64_t ids[CG_LOG_KINDS]; /* by these a kind is found; 0: none */
  struct kind kinds[CG_LOG_KINDS];
  uint64_t n_put;
  uint64_t gap;         /* bytes of the ring before the first of these would have been */
  uint64_t n_dropped;   /* that nothing has been said of yet */
  int64_t said_us;      /* when that was said last */
  bool takes;           /* the last line could be written */
  uint64_t first, last; /* bytes that were ever taken out, and put in */
  char ring[CG_LOG_QUEUE_BYTES]; /* uint32_t of length, line, and so on */
  char held[CG_LOG_KINDS][CG_LOG_LINE_MAX];
};

struct cg_log_queue *cg_log_queue_new(void) {
  return cg_alloc(sizeof(struct cg_log_queue));
}

void cg_log_queue_free(struct cg_log_queue *q) {
  cg_free(q);
}

void cg_log_head(struct cg_buf *b, int64_t wall_us, const char *level) {
  cg_json_open(b, NULL, '{');
  cg_json_time(b, "ts", wall_us);
  cg_json_str(b, "level", level);
}

/* ---- the ring ---- */

static void copy_in(struct cg_log_queue *q, const void *bytes, size_t n) {
  size_t at = q->last % CG_LOG_QUEUE_BYTES, most = CG_LOG_QUEUE_BYTES - at;
  size_t here = n < most ? n : most;
  memcpy(q->ring + at, bytes, here);
  memcpy(q->ring, (const char *)bytes + here, n - here);
  q->last += n;
}

static void copy_out(struct cg_log_queue *q, void *bytes, size_t n) {
  size_t at = q->first % CG_LOG_QUEUE_BYTES, most = CG_LOG_QUEUE_BYTES - at;
  size_t here = n < most ? n : most;
  memcpy(bytes, q->ring + at, here);
  memcpy((char *)bytes + here, q->ring, n - here);
  q->first += n;
}

static bool push(struct cg_log_queue *q, const struct cg_log_line *line) {
  if (q->last - q->first + sizeof line->n + line->n > CG_LOG_QUEUE_BYTES) return false;
  copy_in(q, &line->n, sizeof line->n);
  copy_in(q, line->text, line->n);
  return true;
}

static size_t pop(struct cg_log_queue *q, char *out) {
  uint32_t n;
  copy_out(q, &n, sizeof n);
  copy_out(q, out, n);
  return n;
}

/* ---- kinds ---- */

static bool is_idle(const struct kind *k, int64_t now_us) {
  return k->n_held == 0 && k->until_us <= now_us;
}

/* The line's, or one that nothing is known of any more; NULL: all are in use. */
static struct kind *kind_of(struct cg_log_queue *q, const struct cg_log_line *line,
                            int64_t now_us) {
  struct kind *idle = NULL;
  size_t n = line->given ? CG_LOG_KINDS_GIVEN : CG_LOG_KINDS;
  for (size_t i = 0; i < n; i++)
    if (q->ids[i] == line->kind) return &q->kinds[i];
  for (size_t i = 0; i < n && !idle; i++)
    if (is_idle(&q->kinds[i], now_us)) idle = &q->kinds[i];
  if (idle) q->ids[idle - q->kinds] = line->kind;
  return idle;
}

static enum cg_log_queued hold(struct cg_log_queue *q, struct kind *k,
                               const struct cg_log_line *line) {
  k->n_held++;
  k->nth = q->n_put;
  k->n = line->n;
  memcpy(q->held[k - q->kinds], line->text, line->n);
  return CG_LOG_HELD;
}

static void add_dropped(struct cg_log_queue *q, uint64_t n, uint64_t at) {
  if (q->n_dropped == 0) q->gap = at;
  q->n_dropped += n;
}

static enum cg_log_queued drop(struct cg_log_queue *q) {
  add_dropped(q, 1, q->last);
  return CG_LOG_DROPPED;
}

enum cg_log_queued cg_log_queue_put(struct cg_log_queue *q,
                                    const struct cg_log_line *line, int64_t now_us) {
  q->n_put++;
  if (line->most == 0) return push(q, line) ? CG_LOG_QUEUED : drop(q);
  struct kind *k = kind_of(q, line, now_us);
  if (!k) return drop(q);
  if (is_idle(k, now_us)) {
    k->until_us = now_us + SECOND_US;
    k->n_told = 0;
  }
  if (k->n_held > 0 || k->n_told >= line->most || !push(q, line)) return hold(q, k, line);
  k->n_told++;
  return CG_LOG_QUEUED;
}

/* ---- taking ---- */

static struct kind *oldest_due(struct cg_log_queue *q, int64_t now_us, bool all) {
  struct kind *found = NULL;
  for (size_t i = 0; i < CG_LOG_KINDS; i++) {
    struct kind *k = &q->kinds[i];
    if (k->n_held > 0 && (all || k->until_us <= now_us) &&
        (!found || k->nth < found->nth))
      found = k;
  }
  return found;
}

/* With its count before its "}\n"; the kind's next second begins. */
static size_t take_held(struct cg_log_queue *q, struct kind *k, int64_t now_us,
                        char out[CG_LOG_LINE_MAX]) {
  size_t n = k->n;
  memcpy(out, q->held[k - q->kinds], n);
  if (k->n_held > 1)
    n = n - 2 +
        (size_t)snprintf(out + n - 2, CG_LOG_LINE_MAX - n + 2, ",\"repeated\":%llu}\n",
                         (unsigned long long)k->n_held);
  k->n_held = 0;
  k->n_told = UINT32_MAX;
  k->until_us = now_us + SECOND_US;
  return n;
}

static bool may_say(const struct cg_log_queue *q, int64_t now_us, bool all) {
  return q->n_dropped > 0 && q->takes && q->first >= q->gap &&
         (all || now_us >= q->said_us + SECOND_US);
}

static void say_dropped(struct cg_log_queue *q, int64_t now_us, int64_t wall_us,
                        struct cg_log_taken *ret) {
  struct cg_buf b;
  cg_buf_wrap(&b, ret->text, sizeof ret->text);
  cg_log_head(&b, wall_us, "warn");
  cg_json_str(&b, "msg", "log lines were dropped");
  cg_json_int(&b, "count", (int64_t)q->n_dropped);
  cg_buf_puts(&b, "}\n");
  ret->n = b.len;
  ret->dropped = q->n_dropped;
  q->n_dropped = 0;
  q->said_us = now_us;
}

void cg_log_queue_take(struct cg_log_queue *q, int64_t now_us, int64_t wall_us, bool all,
                       struct cg_log_taken *ret) {
  struct kind *k;
  ret->n = 0;
  ret->dropped = 0;
  if (may_say(q, now_us, all))
    say_dropped(q, now_us, wall_us, ret);
  else if (q->first != q->last)
    ret->n = pop(q, ret->text);
  else if ((k = oldest_due(q, now_us, all)))
    ret->n = take_held(q, k, now_us, ret->text);
}

int64_t cg_log_queue_due_us(const struct cg_log_queue *q, int64_t now_us) {
  int64_t due = q->n_dropped > 0 && q->takes ? q->said_us + SECOND_US : INT64_MAX;
  for (size_t i = 0; i < CG_LOG_KINDS; i++)
    if (!is_idle(&q->kinds[i], now_us) && q->kinds[i].until_us < due)
      due = q->kinds[i].until_us;
  return due;
}

uint64_t cg_log_queue_settle(struct cg_log_queue *q, const struct cg_log_taken *taken,
                             bool written) {
  q->takes = written;
  if (written) return 0;
  add_dropped(q, taken->dropped ? taken->dropped : 1, q->first);
  return taken->dropped ? 0 : 1;
}
