#include "lease/tally.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "lease/row.h"

#define WINDOW_US (10 * INT64_C(1000000))

struct cg_tally {
  struct cg_service *g;
  struct cg_timer timer;
  bool open; /* a window is running */
  int64_t count;
  char addr[64], request_id[CG_ID_LEN + 1], reason[CG_REASON_MAX + 1];
};

struct cg_tally *cg_tally_new(struct cg_service *g) {
  struct cg_tally *t = cg_alloc(sizeof *t);
  if (t) t->g = g;
  return t;
}

void cg_tally_free(struct cg_tally *t) {
  if (!t) return;
  cg_timer_stop(&t->timer);
  cg_free(t);
}

static void recorded(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_service *g = arg;
  (void)result;
  if (code != CGP_OK)
    CG_LOG(g->log, CG_ERROR, "refused credentials could not be recorded",
           {"error", text});
}

void cg_tally_flush(struct cg_tally *t) {
  if (t->count == 0) return;
  char facts[64];
  snprintf(facts, sizeof facts, "{\"count\":%lld}", (long long)t->count);
  t->count = 0;
  struct cgp_audit_row row = cg_row_blank("auth");
  row.outcome = "deny";
  row.reason = t->reason;
  row.client_addr = t->addr;
  row.request_id = t->request_id;
  row.facts = facts;
  cg_audit_append(t->g->drivers, &row, 1, recorded, t->g);
}

static void window_over(void *arg) {
  struct cg_tally *t = arg;
  t->open = t->count > 0;
  cg_tally_flush(t);
  if (t->open) cg_timer_start(&t->timer, t->g->loop, WINDOW_US, window_over, t);
}

void cg_tally_refused(struct cg_tally *t, const char *client_addr, const char *request_id,
                      const char *reason) {
  cg_metric_add(t->g->metrics, t->g->worker, t->g->metric->refused_tokens, 1);
  t->count++;
  snprintf(t->addr, sizeof t->addr, "%s", client_addr);
  snprintf(t->request_id, sizeof t->request_id, "%s", request_id);
  cg_utf8_copy(t->reason, sizeof t->reason, reason);
  if (t->open) return;
  cg_tally_flush(t);
  t->open = true;
  cg_timer_start(&t->timer, t->g->loop, WINDOW_US, window_over, t);
}
