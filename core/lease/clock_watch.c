#include "lease/clock_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "lease/row.h"

#define LOOK_US      500000
#define ROWS_AT_ONCE 8
#define ROW_EVERY_US (10 * INT64_C(1000000))

struct move {
  int64_t us, steps; /* zeroed: none */
};

struct cg_clock_watch {
  struct cg_service *g;
  int64_t seen_us;          /* the clock's offset, as of the last look */
  struct move open, asked;  /* not recorded; of the row that is being written */
  int rows_left;            /* of ROWS_AT_ONCE */
  int64_t refilled_mono_us; /* when one was added to them */
  struct cg_timer timer;
  struct cg_backoff backoff;
};

/* ---- its row ---- */

static void pause_over(void *arg) {
  struct cg_clock_watch *w = arg;
  cg_backoff_over(&w->backoff); /* the next look asks again */
}

static void not_recorded(struct cg_clock_watch *w, const char *text) {
  struct cg_service *g = w->g;
  cg_teller_move_trail(g->teller, -w->asked.us);
  w->open.us += w->asked.us;
  w->open.steps += w->asked.steps;
  if (cg_backoff_pause(&w->backoff, g->loop, pause_over, w))
    CG_LOG(g->log, CG_ERROR, "a step of the wall clock is not recorded yet",
           {"error", text});
}

static void recorded(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_clock_watch *w = arg;
  (void)result;
  if (code == CGP_OK) {
    w->rows_left--;
    cg_backoff_reset(&w->backoff);
  } else {
    not_recorded(w, text);
  }
  w->asked = (struct move){0, 0};
}

/* Nearest: two readings of the clock that belong together are some microseconds off. */
static int64_t step_ms(const struct cg_clock_watch *w) {
  return (w->asked.us + (w->asked.us < 0 ? -500 : 500)) / 1000;
}

static void write_facts(struct cg_buf *b, const struct cg_clock_watch *w) {
  int64_t now = cg_service_wall(w->g);
  cg_json_open(b, NULL, '{');
  cg_json_int(b, "step_ms", step_ms(w));
  cg_json_int(b, "steps", w->asked.steps);
  cg_json_time(b, "wall_before", now - w->asked.us);
  cg_json_time(b, "wall_after", now);
  cg_json_close(b, '}');
}

static void append(struct cg_clock_watch *w) {
  char reason[96];
  struct cg_buf facts;
  struct cgp_audit_row row = cg_row_blank("clock");
  int64_t ms = llabs(step_ms(w));
  snprintf(reason, sizeof reason, "the wall clock was set %s by %" PRId64 ".%03d s",
           w->asked.us < 0 ? "back" : "forward", ms / 1000, (int)(ms % 1000));
  cg_buf_init(&facts, CG_FACTS_MAX);
  write_facts(&facts, w);
  row.reason = reason;
  row.facts = cg_buf_ok(&facts) ? cg_buf_text(&facts) : "{}";
  cg_audit_append(w->g->drivers, &row, 1, recorded, w);
  cg_buf_done(&facts);
}

static void record(struct cg_clock_watch *w) {
  w->asked = w->open;
  w->open = (struct move){0, 0};
  if (!w->backoff.us) /* else it was told */
    CG_LOG(w->g->log, CG_WARN, "the wall clock was set", {"step_ms", NULL, step_ms(w)},
           {"steps", NULL, w->asked.steps});
  cg_teller_move_trail(w->g->teller, w->asked.us);
  append(w);
}

/* ---- looking ---- */

static void refill(struct cg_clock_watch *w, int64_t mono) {
  if (mono - w->refilled_mono_us < ROW_EVERY_US) return;
  w->refilled_mono_us = mono;
  if (w->rows_left < ROWS_AT_ONCE) w->rows_left++;
}

static void compare(struct cg_clock_watch *w) {
  struct cg_service *g = w->g;
  int64_t is = cg_clock_offset(g->clock), moved = is - w->seen_us;
  w->seen_us = is;
  if (llabs(moved) < CG_STEP_US) return;
  w->open.us += moved;
  w->open.steps++;
  cg_metric_add(g->metrics, g->worker, g->metric->clock_steps, 1);
}

static void look(void *arg) {
  struct cg_clock_watch *w = arg;
  cg_timer_start(&w->timer, w->g->loop, LOOK_US, look, w);
  compare(w);
  (void)cg_tell_trail(w->g->teller, 0); /* follows what was no step */
  refill(w, cg_service_mono(w->g));
  if (w->open.steps && !w->asked.steps && !w->backoff.pausing && w->rows_left > 0)
    record(w);
}

bool cg_clock_watch_start(struct cg_service *g) {
  struct cg_clock_watch *w = cg_alloc(sizeof *w);
  if (!w) return false;
  *w = (struct cg_clock_watch){.g = g,
                               .seen_us = cg_clock_offset(g->clock),
                               .rows_left = ROWS_AT_ONCE,
                               .refilled_mono_us = cg_service_mono(g)};
  g->clock_watch = w;
  cg_timer_start(&w->timer, g->loop, LOOK_US, look, w);
  return true;
}

void cg_clock_watch_free(struct cg_clock_watch *w) {
  if (!w) return;
  cg_timer_stop(&w->timer);
  cg_timer_stop(&w->backoff.timer);
  cg_free(w);
}
