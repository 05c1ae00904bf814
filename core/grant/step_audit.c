/* The step audit: the row that says how the grant ended. */
#include "base/buf.h"
#include "grant/grant_row.h"
#include "grant/step.h"
#include "lease/end.h"
#include "lease/row.h"

static void recorded(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_grant *g = arg;
  (void)result;
  if (code == CGP_OK) {
    cg_step_done(g);
    return;
  }
  g->row_sent = g->row_sent && code == CGP_E_TIMEOUT; /* it may come yet */
  cg_step_fail_call(g, "audit", code, text);
}

/* A refusal by policy or quota is a denial; anything else that failed is an error. */
static int outcome(const struct cg_grant *g) {
  static const enum cg_code denials[] = {CG_E_DENIED, CG_E_QUOTA,    CG_E_NOT_FOUND,
                                         CG_E_GONE,   CG_E_CONFLICT, CG_E_INVALID};
  for (size_t i = 0; i < CG_COUNT(denials); i++)
    if (g->err.code == denials[i]) return 1;
  return g->err.code == CG_OK ? 0 : 2;
}

/* Strangers are tallied elsewhere; a beat leaves a row only if it changed something. */
static bool worth_a_row(const struct cg_grant *g) {
  if (!g->identity) return false;
  if (g->op == CG_RESERVE) return true;
  if (g->op == CG_TOKEN) return g->err.code == CG_OK;
  if (g->err.code == CG_OK)
    return g->changed || g->scopes_changed || g->ends_changed || g->identity_changed;
  return g->err.code == CG_E_GONE && g->verdict;
}

void cg_step_audit(struct cg_grant *g) {
  struct cg_service *h = g->home;
  if (g->op == CG_RESERVE && g->identity)
    cg_metric_add(h->metrics, h->worker, h->metric->decisions[outcome(g)], 1);
  if (!worth_a_row(g)) {
    cg_step_done(g);
    return;
  }
  struct cg_buf facts;
  cg_buf_init(&facts, CG_FACTS_MAX);
  struct cgp_audit_row row = cg_row_of_grant(g, &facts);
  static const char *const outcomes[] = {"allow", "deny", "error"};
  row.outcome = outcomes[outcome(g)];
  if (cg_buf_ok(&facts)) {
    g->row_sent = g->err.code == CG_OK;
    cg_audit_append(h->drivers, &row, 1, recorded, g);
  } else {
    cg_step_no_memory(g);
  }
  cg_buf_done(&facts);
}

/* The row of a grant that is now undone may still become durable. */
void cg_undo_audit(struct cg_grant *g) {
  if (!g->row_sent) return;
  g->row_sent = false;
  if (g->op == CG_RESERVE && !g->replayed) cg_record_undone(g->home, g->lease);
}
