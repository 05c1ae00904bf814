#include "lease/end_log.h"

#define SECOND_US INT64_C(1000000)
#define SINGLES   4 /* lines of a second; none in one that follows a crowded one */

/* false: there was none to tell of */
static bool tell_counts(struct cg_end_log *log) {
  bool any = false;
  for (size_t by = 0; by < CG_COUNT(log->counts); by++) {
    if (log->counts[by] == 0) continue;
    any = true;
    CG_LOG(log->g->log, CG_INFO, "leases ended", {"count", NULL, log->counts[by]},
           {"by", cg_ended_by_name((enum cg_ended_by)by)});
    log->counts[by] = 0;
  }
  return any;
}

static void second_over(void *arg) {
  struct cg_end_log *log = arg;
  if (tell_counts(log))
    cg_timer_start(&log->timer, log->g->loop, SECOND_US, second_over, log);
  else
    log->singles = 0;
}

void cg_end_log_add(struct cg_end_log *log, const struct cg_lease *l) {
  if (log->singles == 0)
    cg_timer_start(&log->timer, log->g->loop, SECOND_US, second_over, log);
  if (log->singles >= SINGLES) {
    log->counts[l->ended_by]++;
    return;
  }
  log->singles++;
  CG_LOG(log->g->log, CG_INFO, "lease ended", {"lease_id", l->id},
         {"subject", l->subject}, {"camera", l->camera},
         {"by", cg_ended_by_name(l->ended_by)}, {"reason", l->ended_reason});
}

void cg_end_log_stop(struct cg_end_log *log) {
  cg_timer_stop(&log->timer);
  tell_counts(log);
}
