#include "grant/grant_row.h"

#include "grant/explain.h"
#include "lease/row.h"
#include "lease/terms.h"

static void write_words(struct cg_buf *b, const struct cg_verdict *v) {
  cg_json_open(b, "policies", '{');
  for (size_t i = 0; i < v->n_words; i++) {
    cg_json_name(b, v->words[i].policy);
    cg_json_str(b, NULL, cg_word_name(v->words[i].kind));
  }
  cg_json_close(b, '}');
}

/* The lease's, with what this grant is about to make of them. */
static void write_terms(struct cg_buf *b, const struct cg_grant *g) {
  struct cg_teller *teller = g->walk.home->teller;
  struct cg_lease_terms t = cg_terms_of_lease(g->walk.lease, teller);
  const char *replaces[CG_REPLACE_MAX];
  if (g->out.token) cg_json_time(b, "token_expires_at", g->out.token_expires_us);
  t.tier = g->out.tier;
  t.room = g->out.room;
  t.ends_us = cg_tell_trail(teller, g->out.ends_mono_us);
  if (g->out.verdict) {
    t.scopes = g->out.verdict->scopes;
    t.n_scopes = g->out.verdict->n_scopes;
    t.identity = g->walk.identity;
    t.name = g->walk.subject.name;
  }
  for (size_t i = 0; i < g->walk.n_replaced; i++) replaces[i] = g->walk.replaced[i]->id;
  t.replaces = (struct cg_strings){.items = replaces, .n = g->walk.n_replaced};
  cg_terms_write_for_row(b, &t, &g->walk.home->conf->tiers);
}

static void write_facts(struct cg_buf *b, const struct cg_grant *g) {
  cg_json_open(b, NULL, '{');
  if (*g->in.purpose) cg_json_str(b, "purpose", g->in.purpose);
  if (g->walk.camera) {
    cg_json_str(b, "site", g->walk.camera->site);
    cg_json_int(b, "level", g->walk.camera->level);
  }
  if (g->out.verdict) {
    write_words(b, g->out.verdict);
    cg_json_raw(b, "usage", g->out.verdict->facts);
  }
  if (*g->out.scope) {
    cg_json_str(b, "scope", g->out.scope);
    cg_json_int(b, "limit", (int64_t)g->out.limit);
    cg_json_int(b, "in_use", (int64_t)g->out.in_use);
  }
  if (g->out.err.code == CG_OK) write_terms(b, g);
  cg_json_close(b, '}');
}

static const char *reason_of(const struct cg_grant *g) {
  if (*g->out.reason) return g->out.reason;
  if (g->out.err.code != CG_OK) return g->out.err.text;
  if (g->walk.identity_changed) return "the token says something else of the subject";
  return g->out.why.n > 0 ? g->out.why.items[0] : "";
}

struct cgp_audit_row cg_row_of_grant(const struct cg_grant *g, const char *kind,
                                     struct cg_buf *buf) {
  const struct cg_tiers *tiers = &g->walk.home->conf->tiers;
  int asked = g->walk.lease ? g->walk.lease->requested : g->in.quality;
  struct cgp_audit_row row = cg_row_blank(kind);
  row.lease_id = g->out.lease_id;
  row.request_id = g->in.request_id;
  row.decision_id = g->out.decision_id;
  row.subject = g->walk.subject.id;
  row.camera = g->out.camera_id;
  row.quality_requested = cg_tier_name(tiers, asked);
  row.quality = g->out.err.code == CG_OK ? cg_tier_name(tiers, g->out.tier) : "";
  row.reason = reason_of(g);
  row.rule = g->out.rule;
  row.policy_revision = g->out.policy_revision;
  row.client_addr = g->in.client_addr;
  write_facts(buf, g);
  row.facts = cg_buf_text(buf);
  return row;
}
