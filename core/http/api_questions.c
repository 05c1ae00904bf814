/* The calls that change nothing: cameras, explain, audit, the API's own description. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "grant/list.h"
#include "http/api.h"

/* ---- cameras ---- */

struct looking {
  struct cg_exchange *x;
  struct cg_caller caller;
};

static void cameras_listed(void *arg, const struct cg_err *err, const char *json,
                           size_t n) {
  struct looking *l = arg;
  struct cg_exchange *x = l->x;
  struct cg_identity *identity = l->caller.identity;
  if (err)
    cg_exchange_fail(x, err);
  else
    cg_exchange_reply(x, 200, "application/json", json, n);
  cg_identity_unref(identity);
}

static void cameras(struct cg_exchange *x) {
  static const char *const known[] = {"after", NULL};
  struct looking *l = cg_arena_zalloc(x->arena, sizeof *l);
  if (!l) {
    cg_exchange_failf(x, CG_E_MEMORY, "the gate has no memory left for this request");
    return;
  }
  l->x = x;
  if (!cg_api_known_query(x, known) || !cg_api_caller(x, NULL, &l->caller)) return;
  const char *after = cg_exchange_query(x, "after");
  cg_list_cameras(cg_api_of(x)->grants, &l->caller.subject, after ? after : "",
                  cameras_listed, l);
}

/* ---- explain ---- */

struct explain_body {
  const char *camera_id, *quality, *purpose;
};

static const struct cg_field explain_fields[] = {
    {.name = "camera_id",
     .type = CG_STRING,
     .required = true,
     .min = 1,
     .max = CG_CAMERA_ID_MAX,
     .offset = offsetof(struct explain_body, camera_id),
     .help = "The camera."},
    {.name = "quality",
     .type = CG_STRING,
     .min = 1,
     .max = 31,
     .offset = offsetof(struct explain_body, quality),
     .help = "The tier wanted."},
    {.name = "purpose",
     .type = CG_STRING,
     .max = 200,
     .offset = offsetof(struct explain_body, purpose),
     .help = "Why."},
    {.name = NULL},
};

static void write_words(struct cg_buf *b, const struct cg_verdict *v,
                        const struct cg_tiers *tiers) {
  static const char *const kinds[] = {
      [CG_WORD_NONE] = "none", [CG_WORD_ALLOW] = "allow", [CG_WORD_CAP] = "cap",
      [CG_WORD_DENY] = "deny", [CG_WORD_ERROR] = "error",
  };
  cg_json_open(b, "policies", '[');
  for (size_t i = 0; i < v->n_words; i++) {
    const struct cg_word *w = &v->words[i];
    cg_json_open(b, NULL, '{');
    cg_json_str(b, "policy", w->policy);
    cg_json_str(b, "word", kinds[w->kind]);
    cg_json_str(b, "file", w->file);
    cg_json_int(b, "line", w->line);
    if (*w->reason) cg_json_str(b, "reason", w->reason);
    if (w->max != CG_TIER_NONE) cg_json_str(b, "max", cg_tier_name(tiers, w->max));
    if (w->ttl_s) cg_json_int(b, "ttl_s", w->ttl_s);
    cg_json_close(b, '}');
  }
  cg_json_close(b, ']');
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

static void write_verdict(struct cg_buf *b, const struct cg_grant *g,
                          const struct cg_tiers *tiers) {
  const struct cg_verdict *v = g->verdict;
  int quality =
      g->in.quality != CG_TIER_NONE && g->in.quality < v->max ? g->in.quality : v->max;
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "verdict", v->allow ? "allow" : "deny");
  cg_json_str(b, "camera_id", g->camera_id);
  cg_json_str(b, "quality", v->allow ? cg_tier_name(tiers, quality) : NULL);
  cg_json_str(b, "reason", v->reason);
  cg_json_str(b, "rule", v->rule);
  cg_json_str(b, "file", v->file);
  cg_json_int(b, "line", v->line);
  cg_json_str(b, "max_rule", v->max_rule);
  cg_json_int(b, "ttl_s", v->ttl_s);
  cg_json_int(b, "priority", v->priority);
  write_scopes(b, v);
  write_words(b, v, tiers);
  cg_json_raw(b, "usage", v->facts);
  cg_json_str(b, "policy_revision", g->policy_revision);
  cg_json_close(b, '}');
}

static void explained(void *arg, struct cg_grant *g) {
  struct cg_exchange *x = arg;
  if (g->err.code != CG_OK) {
    cg_api_refuse(x, g);
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  write_verdict(b, g, &cg_api_of(x)->grants->conf->tiers);
  cg_api_send(x, 200, b);
}

static void explain(struct cg_exchange *x) {
  const struct cg_tiers *tiers = &cg_api_of(x)->grants->conf->tiers;
  struct explain_body body = {.purpose = ""};
  struct cg_field_errors errs = {.n = 0};
  struct cg_grant *g = cg_api_grant(x, CG_EXPLAIN);
  if (!g || !cg_exchange_body(x, explain_fields, &body, &errs)) return;
  if (body.quality && cg_tier_find(tiers, body.quality) == CG_TIER_NONE) {
    struct cg_err err;
    cg_fail(&err, CG_E_INVALID, "there is no quality \"%s\"", body.quality);
    cg_field_error(&errs, x->arena, "/quality", "there is no quality \"%s\"",
                   body.quality);
    cg_exchange_problem(x, &(struct cg_problem){.err = &err, .errors = &errs});
    return;
  }
  g->in.camera = body.camera_id;
  g->in.purpose = body.purpose;
  if (body.quality) g->in.quality = cg_tier_find(tiers, body.quality);
  cg_grant_start(cg_api_of(x)->grants, g, explained, x);
}

/* ---- audit ---- */

static void write_row(struct cg_buf *b, const struct cgp_audit_row *r) {
  const struct {
    const char *name, *value;
  } texts[] = {
      {"id", r->id},
      {"time", r->time},
      {"node", r->node},
      {"kind", r->kind},
      {"lease_id", r->lease_id},
      {"request_id", r->request_id},
      {"decision_id", r->decision_id},
      {"subject", r->subject},
      {"camera", r->camera},
      {"quality_requested", r->quality_requested},
      {"quality", r->quality},
      {"outcome", r->outcome},
      {"reason", r->reason},
      {"rule", r->rule},
      {"policy_revision", r->policy_revision},
      {"client_addr", r->client_addr},
      {"hash", r->hash},
  };
  cg_json_open(b, NULL, '{');
  cg_json_int(b, "seq", r->seq);
  for (size_t i = 0; i < CG_COUNT(texts); i++)
    cg_json_str(b, texts[i].name, texts[i].value);
  cg_json_raw(b, "facts", r->facts);
  cg_json_close(b, '}');
}

static void rows_found(void *arg, enum cgp_code code, const void *result,
                       const char *text) {
  struct cg_exchange *x = arg;
  const struct cgp_audit_rows *rows = result;
  if (code != CGP_OK) {
    cg_exchange_failf(x, code == CGP_E_INVALID ? CG_E_MALFORMED : cg_code_of(code), "%s",
                      text);
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  cg_json_open(b, NULL, '{');
  cg_json_open(b, "events", '[');
  for (size_t i = 0; i < rows->n; i++) write_row(b, &rows->rows[i]);
  cg_json_close(b, ']');
  if (rows->next_seq)
    cg_json_int(b, "next", rows->next_seq);
  else
    cg_json_str(b, "next", NULL);
  cg_json_close(b, '}');
  cg_api_send(x, 200, b);
}

static bool number_of(struct cg_exchange *x, const char *name, int64_t max,
                      int64_t *number) {
  const char *text = cg_exchange_query(x, name);
  if (!text) return true;
  char *end;
  long long n = strtoll(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || n < 0 || n > max) {
    cg_exchange_failf(x, CG_E_MALFORMED, "%s must be a number from 0 to %lld", name,
                      (long long)max);
    return false;
  }
  *number = n;
  return true;
}

static bool time_holds(struct cg_exchange *x, const char *name, const char *text) {
  int64_t us;
  if (!*text || cg_time_parse(text, &us)) return true;
  cg_exchange_failf(x, CG_E_MALFORMED,
                    "%s must be a time as 2026-01-31T08:00:00Z (RFC 3339)", name);
  return false;
}

static const char *text_of(const struct cg_exchange *x, const char *name) {
  const char *text = cg_exchange_query(x, name);
  return text ? text : "";
}

static void audit(struct cg_exchange *x) {
  static const char *const known[] = {"since", "until",   "subject",  "camera",
                                      "kind",  "outcome", "lease_id", "after",
                                      "limit", "order",   NULL};
  struct cg_caller caller;
  if (!cg_api_caller(x, "auditor", &caller)) return;
  cg_identity_unref(caller.identity);
  int64_t after = 0, limit = 100;
  struct cgp_audit_filter f = {.since = text_of(x, "since"),
                               .until = text_of(x, "until"),
                               .subject = text_of(x, "subject"),
                               .camera = text_of(x, "camera"),
                               .kind = text_of(x, "kind"),
                               .outcome = text_of(x, "outcome"),
                               .lease_id = text_of(x, "lease_id")};
  if (!cg_api_known_query(x, known) || !number_of(x, "after", INT64_MAX, &after) ||
      !number_of(x, "limit", 1000, &limit) || !time_holds(x, "since", f.since) ||
      !time_holds(x, "until", f.until))
    return;
  const char *order = text_of(x, "order");
  if (*order && strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0) {
    cg_exchange_failf(x, CG_E_MALFORMED, "order must be asc or desc");
    return;
  }
  f.newest_first = strcmp(order, "desc") == 0;
  f.after_seq = after;
  f.limit = limit > 0 ? (uint32_t)limit : 1;
  cg_audit_query(cg_api_of(x)->grants->drivers, &f, rows_found, x);
}

static void openapi(struct cg_exchange *x) {
  const char *text = cg_api_of(x)->openapi;
  cg_exchange_reply(x, 200, "application/yaml", text, strlen(text));
}

const struct cg_route cg_api_question_routes[] = {
    {"GET", "/api/v1/cameras", cameras, 0},
    {"POST", "/api/v1/policy/explain", explain, CG_ROUTE_BODY},
    {"GET", "/api/v1/audit", audit, 0},
    {"GET", "/openapi.yaml", openapi, 0},
    {NULL, NULL, NULL, 0},
};
