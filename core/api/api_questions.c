/* The calls that change nothing: cameras, explain, audit. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/check.h"
#include "grant/explain.h"
#include "grant/listing.h"
#include "lease/row.h"

#define PAGE_BYTES ((size_t)2 << 20) /* of rows */

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
  cg_list_cameras(cg_api_of(x)->service, &l->caller.subject, after ? after : "",
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
     .max = CGP_CAMERA_ID_MAX,
     .offset = offsetof(struct explain_body, camera_id),
     .help = "The camera."},
    {.name = "quality",
     .type = CG_STRING,
     .min = 1,
     .max = CGP_TIER_MAX,
     .offset = offsetof(struct explain_body, quality),
     .help = "The tier wanted."},
    {.name = "purpose",
     .type = CG_TEXT,
     .max = CG_PURPOSE_CHARACTERS,
     .offset = offsetof(struct explain_body, purpose),
     .help = "Why."},
    {.name = NULL},
};

static void explained(void *arg, struct cg_grant *g) {
  struct cg_exchange *x = arg;
  if (g->out.err.code != CG_OK) {
    cg_api_refuse(x, g);
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  cg_explain_json(b, g->out.verdict, &g->walk.ask, &cg_api_of(x)->service->conf->tiers,
                  g->out.policy_revision);
  cg_api_send(x, 200, b);
}

static void explain(struct cg_exchange *x) {
  const struct cg_tiers *tiers = &cg_api_of(x)->service->conf->tiers;
  struct explain_body body = {.purpose = ""};
  struct cg_field_errors errs = {.n = 0};
  struct cg_grant *g = cg_api_grant(x, CG_EXPLAIN);
  if (!g || !cg_exchange_body(x, explain_fields, &body, &errs) ||
      !cg_api_meaning(x, body.camera_id, body.quality, (struct cg_strings){0}, &errs))
    return;
  g->in.camera = body.camera_id;
  g->in.purpose = body.purpose;
  if (body.quality) g->in.quality = cg_tier_find(tiers, body.quality);
  cg_grant_start(cg_api_of(x)->service, g, explained, x);
}

/* ---- audit ---- */

/* As many as fit an answer.  -> where the next page goes on, 0: nowhere */
static int64_t write_rows(struct cg_buf *b, const struct cgp_audit_rows *rows) {
  for (size_t i = 0; i < rows->n; i++) {
    struct cg_buf before = *b;
    cg_row_json(b, CGP_AT(rows->rows, i));
    if (i == 0 || (cg_buf_ok(b) && b->len < PAGE_BYTES)) continue;
    cg_buf_back(b, &before);
    return CGP_AT(rows->rows, i - 1)->seq;
  }
  return rows->next_seq;
}

static void rows_found(void *arg, enum cgp_code code, const void *result,
                       const char *text) {
  struct cg_exchange *x = arg;
  const struct cgp_audit_rows *rows = result;
  if (code != CGP_OK) {
    cg_exchange_failf(x, code == CGP_E_INVALID ? CG_E_MALFORMED : cg_trouble_of(code),
                      "%s", text);
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  cg_json_open(b, NULL, '{');
  cg_json_open(b, "events", '[');
  int64_t next = write_rows(b, rows);
  cg_json_close(b, ']');
  if (next)
    cg_json_int(b, "next", next);
  else
    cg_json_str(b, "next", NULL);
  cg_json_close(b, '}');
  cg_api_send(x, 200, b);
}

static bool number_of(struct cg_exchange *x, const char *name, int64_t min, int64_t max,
                      int64_t *number) {
  const char *text = cg_exchange_query(x, name);
  if (!text) return true;
  char *end;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || n < min || n > max) {
    cg_exchange_failf(x, CG_E_MALFORMED, "%s must be a number from %lld to %lld", name,
                      (long long)min, (long long)max);
    return false;
  }
  *number = n;
  return true;
}

static bool time_holds(struct cg_exchange *x, const char *name) {
  const char *text = cg_exchange_query(x, name);
  int64_t us;
  if (!text || cg_time_parse(text, &us)) return true;
  cg_exchange_failf(x, CG_E_MALFORMED,
                    "%s must be a time as 2026-01-31T08:00:00Z (RFC 3339)", name);
  return false;
}

static bool order_holds(struct cg_exchange *x, bool *newest_first) {
  const char *order = cg_exchange_query(x, "order");
  *newest_first = order && strcmp(order, "desc") == 0;
  if (!order || *newest_first || strcmp(order, "asc") == 0) return true;
  cg_exchange_failf(x, CG_E_MALFORMED, "order must be asc or desc");
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
  struct cgp_audit_filter f = cg_filter_blank();
  for (const struct cg_column *c = cg_filter_columns; c->name; c++)
    cg_column_set(&f, c, text_of(x, c->name));
  if (!cg_api_known_query(x, known) || !number_of(x, "after", 0, INT64_MAX, &after) ||
      !number_of(x, "limit", 1, 1000, &limit) || !time_holds(x, "since") ||
      !time_holds(x, "until") || !order_holds(x, &f.newest_first))
    return;
  f.after_seq = after;
  f.limit = (uint32_t)limit;
  cg_audit_query(cg_api_of(x)->service->drivers, &f, rows_found, x);
}

const struct cg_route cg_api_question_routes[] = {
    {"GET", "/api/v1/cameras", cameras, 0},
    {"POST", "/api/v1/policy/explain", explain, CG_ROUTE_BODY},
    {"GET", "/api/v1/audit", audit, 0},
    {NULL, NULL, NULL, 0},
};
