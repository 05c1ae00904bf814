/* The step "audit": the row that must be durable before the reply leaves. */
#include "base/buf.h"
#include "base/check.h"
#include "grant/grant_row.h"
#include "grant/step.h"
#include "lease/end.h"
#include "lease/row.h"

/* A refusal by policy or quota is a denial; anything else that failed is an error. */
enum outcome { ALLOW, DENY, ERROR };

static enum outcome outcome_of(const struct cg_grant *g) {
  static const enum cg_code denials[] = {CG_E_DENIED, CG_E_QUOTA,    CG_E_NOT_FOUND,
                                         CG_E_GONE,   CG_E_CONFLICT, CG_E_INVALID};
  for (size_t i = 0; i < CG_COUNT(denials); i++)
    if (g->out.err.code == denials[i]) return DENY;
  return g->out.err.code == CG_OK ? ALLOW : ERROR;
}

static void recorded(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_grant *g = arg;
  (void)result;
  if (code == CGP_OK) {
    cg_step_done(g);
    return;
  }
  if (code != CGP_E_TIMEOUT && code != CGP_E_INTERNAL) /* after these it may be there */
    g->walk.row_sent = false;
  cg_step_fail_call(g, "audit", code, text);
}

/* A failure is a decision, whatever it was that failed. */
static void append(struct cg_grant *g, const char *kind, const char *reason) {
  static const char *const outcomes[] = {"allow", "deny", "error"};
  bool ok = g->out.err.code == CG_OK;
  struct cg_buf facts;
  cg_buf_init(&facts, CG_FACTS_MAX);
  struct cgp_audit_row row = cg_row_of_grant(g, ok ? kind : "decision", &facts);
  row.outcome = outcomes[outcome_of(g)];
  if (ok && reason) row.reason = reason;
  if (cg_buf_ok(&facts)) {
    g->walk.row_sent = ok;
    cg_audit_append(g->walk.home->drivers, &row, 1, recorded, g);
  } else {
    cg_step_no_memory(g);
  }
  cg_buf_done(&facts);
}

static void count(const struct cg_grant *g) {
  const struct cg_service *h = g->walk.home;
  cg_metric_add(h->metrics, h->worker, h->metric->decisions[outcome_of(g)], 1);
}

void cg_step_audit_decision(struct cg_grant *g) {
  count(g);
  append(g, "decision", NULL);
}

void cg_step_audit_change(struct cg_grant *g) {
  append(g, "change", NULL);
}

void cg_step_audit_renewal(struct cg_grant *g) {
  append(g, "change", "token renewed");
}

void cg_step_audit_replay(struct cg_grant *g) {
  count(g);
  append(g, "change", "token renewed");
}

/* The row of a grant that is now undone may still become durable. */
void cg_undo_audit_decision(struct cg_grant *g) {
  if (!g->walk.row_sent) return;
  g->walk.row_sent = false;
  cg_record_undone(g->walk.home, g->walk.lease);
}
