#include "grant/explain.h"

const char *cg_word_name(enum cg_word_kind kind) {
  static const char *const names[] = {
      [CG_WORD_NONE] = "none", [CG_WORD_ALLOW] = "allow", [CG_WORD_CAP] = "cap",
      [CG_WORD_DENY] = "deny", [CG_WORD_ERROR] = "error",
  };
  return names[kind];
}

int cg_explain_quality(const struct cg_verdict *v, int quality) {
  return quality != CG_TIER_NONE && quality < v->max ? quality : v->max;
}

static void write_words(struct cg_buf *b, const struct cg_verdict *v,
                        const struct cg_tiers *tiers) {
  cg_json_open(b, "policies", '[');
  for (size_t i = 0; i < v->n_words; i++) {
    const struct cg_word *w = &v->words[i];
    cg_json_open(b, NULL, '{');
    cg_json_str(b, "policy", w->policy);
    cg_json_str(b, "word", cg_word_name(w->kind));
    cg_json_str(b, "file", w->file);
    cg_json_int(b, "line", w->line);
    if (*w->reason) cg_json_str(b, "reason", w->reason);
    if (w->max != CG_TIER_NONE) cg_json_str(b, "max", cg_tier_name(tiers, w->max));
    if (w->ttl_s) cg_json_int(b, "ttl_s", w->ttl_s);
    if (w->not_utf8) cg_json_bool(b, "not_utf8", true);
    cg_json_close(b, '}');
  }
  cg_json_close(b, ']');
}

static void write_time(struct cg_buf *b, const struct cg_verdict *v) {
  char text[CG_LOCAL_TEXT];
  cg_local_text(&v->local, text);
  cg_json_str(b, "zone", v->zone);
  cg_json_str(b, "local_time", text);
}

static void write_scopes(struct cg_buf *b, const struct cg_verdict *v) {
  cg_json_open(b, "scopes", '[');
  for (size_t i = 0; i < v->n_scopes; i++) {
    cg_json_open(b, NULL, '{');
    cg_json_str(b, "name", v->scopes[i].name);
    cg_json_int(b, "limit", (int64_t)v->scopes[i].limit);
    cg_json_str(b, "unit", v->scopes[i].weighted ? "kbps" : "streams");
    cg_json_close(b, '}');
  }
  cg_json_close(b, ']');
}

void cg_explain_json(struct cg_buf *b, const struct cg_verdict *v,
                     const struct cg_ask *ask, const struct cg_tiers *tiers,
                     const char *revision) {
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "verdict", v->allow ? "allow" : "deny");
  cg_json_str(b, "camera_id", ask->camera->id);
  cg_json_str(b, "quality",
              v->allow ? cg_tier_name(tiers, cg_explain_quality(v, ask->quality)) : NULL);
  cg_json_str(b, "reason", v->reason);
  cg_json_str(b, "rule", v->rule);
  cg_json_str(b, "file", v->file);
  cg_json_int(b, "line", v->line);
  cg_json_str(b, "max_rule", v->max_rule);
  cg_json_int(b, "ttl_s", v->ttl_s);
  cg_json_int(b, "priority", v->priority);
  if (*v->zone) write_time(b, v);
  write_scopes(b, v);
  write_words(b, v, tiers);
  cg_json_raw(b, "usage", v->facts);
  cg_json_str(b, "policy_revision", revision);
  cg_json_close(b, '}');
}
