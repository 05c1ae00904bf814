#include "grant/grant_row.h"

#include "grant/explain.h"
#include "lease/row.h"
#include "lease/terms.h"

static void write_words(struct cg_buf *b, const struct cg_verdict *v) {
  cg_json_open(b, "policies", '{');
  for (size_t i = 0; i < v->n_words; i++)
    cg_json_str(b, v->words[i].policy, cg_word_name(v->words[i].kind));
  cg_json_close(b, '}');
}

/* The lease's, with what this grant is about to make of them. */
static void write_terms(struct cg_buf *b, const struct cg_grant *g) {
  struct cg_lease_terms t = cg_terms_of_lease(g->lease);
  const char *replaces[CG_REPLACE_MAX];
  if (g->token) cg_json_time(b, "token_expires_at", g->token_expires_us);
  t.tier = g->tier;
  t.room = g->room;
  t.ends_us = g->ends_us;
  if (g->verdict && !g->replayed) {
    t.scopes = g->verdict->scopes;
    t.n_scopes = g->verdict->n_scopes;
    t.identity = g->identity;
    t.name = g->subject.name;
  }
  for (size_t i = 0; i < g->n_replaced; i++) replaces[i] = g->replaced[i]->id;
  t.replaces = (struct cg_strings){.items = replaces, .n = g->n_replaced};
  cg_terms_write(b, "terms", &t, &g->home->conf->tiers);
}

static void write_facts(struct cg_buf *b, const struct cg_grant *g) {
  cg_json_open(b, NULL, '{');
  if (*g->in.purpose) cg_json_str(b, "purpose", g->in.purpose);
  if (g->camera) {
    cg_json_str(b, "site", g->camera->site);
    cg_json_int(b, "level", g->camera->level);
  }
  if (g->verdict) {
    write_words(b, g->verdict);
    cg_json_raw(b, "usage", g->verdict->facts);
  }
  if (*g->scope) {
    cg_json_str(b, "scope", g->scope);
    cg_json_int(b, "limit", (int64_t)g->limit);
    cg_json_int(b, "in_use", (int64_t)g->in_use);
  }
  if (g->err.code == CG_OK) write_terms(b, g);
  cg_json_close(b, '}');
}

static const char *reason_of(const struct cg_grant *g) {
  if (*g->reason) return g->reason;
  if (g->err.code != CG_OK) return g->err.text;
  if (g->op == CG_TOKEN || g->replayed) return "token renewed";
  if (g->identity_changed) return "the token says something else of the subject";
  return g->why.n > 0 ? g->why.items[0] : "";
}

struct cgp_audit_row cg_row_of_grant(const struct cg_grant *g, struct cg_buf *buf) {
  const struct cg_tiers *tiers = &g->home->conf->tiers;
  bool change = g->err.code == CG_OK && (g->op != CG_RESERVE || g->replayed);
  int asked = g->lease ? g->lease->requested : g->in.quality;
  struct cgp_audit_row row = cg_row_blank(change ? "change" : "decision");
  row.lease_id = g->lease_id;
  row.request_id = g->in.request_id;
  row.decision_id = g->decision_id;
  row.subject = g->subject.id;
  row.camera = g->camera_id;
  row.quality_requested = cg_tier_name(tiers, asked);
  row.quality = g->err.code == CG_OK ? cg_tier_name(tiers, g->tier) : "";
  row.reason = reason_of(g);
  row.rule = g->rule;
  row.policy_revision = g->policy_revision;
  row.client_addr = g->in.client_addr;
  write_facts(buf, g);
  row.facts = cg_buf_text(buf);
  return row;
}
