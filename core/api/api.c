#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "lease/tally.h"
#include "plugin/names.h"

struct cg_buf *cg_api_out(struct cg_exchange *x) {
  struct cg_buf *b = &cg_api_of(x)->out;
  cg_buf_reset(b);
  return b;
}

void cg_api_send(struct cg_exchange *x, int status, struct cg_buf *json) {
  if (cg_buf_ok(json))
    cg_exchange_reply(x, status, "application/json", json->data, json->len);
  else
    cg_exchange_failf(x, CG_E_MEMORY, "the gate has no memory left for this reply");
}

void cg_api_refuse(struct cg_exchange *x, const struct cg_grant *g) {
  struct cg_problem p = {
      .err = &g->out.err,
      .decision_id = *g->out.decision_id ? g->out.decision_id : NULL,
      .rule = *g->out.rule ? g->out.rule : NULL,
      .reason = *g->out.reason ? g->out.reason : NULL,
      .scope = *g->out.scope ? g->out.scope : NULL,
      .limit = (int64_t)g->out.limit,
      .in_use = (int64_t)g->out.in_use,
      .conflicts = g->out.conflicts,
  };
  if (g->out.over) {
    p.ended_by = cg_ended_by_name(g->out.ended_by);
    p.reason = *g->out.ended_reason ? g->out.ended_reason : p.reason;
  }
  cg_exchange_problem(x, &p);
}

/* The client's trace, or one that begins here. */
static struct cg_trace trace_of(const struct cg_exchange *x) {
  struct cg_trace trace;
  const char *given = cg_exchange_header(x, "traceparent");
  if (given && cg_trace_parse(given, &trace)) return trace;
  return cg_trace_begin(x->request_id.text);
}

struct cg_grant *cg_api_grant(struct cg_exchange *x, enum cg_op op) {
  struct cg_grant *g = cg_arena_zalloc(x->arena, sizeof *g);
  if (!g) {
    cg_exchange_failf(x, CG_E_MEMORY, "the gate has no memory left for this request");
    return NULL;
  }
  g->in = (struct cg_grant_in){
      .op = op,
      .authorization = cg_exchange_header(x, "Authorization"),
      .request_id = x->request_id.text,
      .client_addr = x->client_addr,
      .trace = trace_of(x),
      .camera = "",
      .lease_id = "",
      .quality = CG_TIER_NONE,
      .purpose = "",
      .key = "",
  };
  return g;
}

bool cg_api_caller(struct cg_exchange *x, const char *role, struct cg_caller *out) {
  struct cg_service *g = cg_api_of(x)->service;
  struct cg_err err = {0};
  if (!cg_auth_bearer(g->auth, cg_exchange_header(x, "Authorization"), x->client_addr,
                      cg_service_wall(g), &out->subject, &out->identity, &err)) {
    cg_tally_refused(g->tally, x->client_addr, x->request_id.text, err.text);
    cg_exchange_fail(x, &err);
    return false;
  }
  if (!role || cg_strings_has(&out->subject.roles, role)) return true;
  cg_identity_unref(out->identity);
  cg_exchange_failf(x, CG_E_DENIED, "this is for callers with the role %s", role);
  return false;
}

/* ---- forms ---- */

bool cg_api_meaning(struct cg_exchange *x, const char *camera, const char *quality,
                    struct cg_strings replace, struct cg_field_errors *errs) {
  const struct cg_tiers *tiers = &cg_api_of(x)->service->conf->tiers;
  if (!cg_camera_id_valid(camera))
    cg_field_error(errs, x->arena, "/camera_id",
                   "must match [A-Za-z0-9][A-Za-z0-9_-]{0,62}");
  if (quality && cg_tier_find(tiers, quality) == CG_TIER_NONE)
    cg_field_error(errs, x->arena, "/quality", "there is no quality \"%s\"", quality);
  for (size_t i = 0; i < replace.n; i++) {
    char at[32];
    snprintf(at, sizeof at, "/replace/%zu", i);
    if (!cg_id_valid(replace.items[i]))
      cg_field_error(errs, x->arena, at, "is not a lease id");
    else if (cg_strings_has(&(struct cg_strings){replace.items, i}, replace.items[i]))
      cg_field_error(errs, x->arena, at, "is there twice");
  }
  if (errs->n == 0) return true;
  cg_exchange_invalid(x, errs);
  return false;
}

bool cg_api_known_query(struct cg_exchange *x, const char *const *known) {
  const char *odd = cg_exchange_query_unknown(x, known);
  const char *camera = cg_exchange_query(x, "camera");
  const char *lease = cg_exchange_query(x, "lease_id");
  if (odd)
    cg_exchange_failf(x, CG_E_MALFORMED, "unknown query parameter \"%.60s\"", odd);
  else if (camera && !cg_camera_id_valid(camera))
    cg_exchange_failf(x, CG_E_MALFORMED, "camera is not a camera's id");
  else if (lease && !cg_id_valid(lease))
    cg_exchange_failf(x, CG_E_MALFORMED, "lease_id is not a lease's id");
  else
    return true;
  return false;
}

/* ---- routes of plugins ---- */

static const char *header_of(const struct cgp_http_request *req, const char *name) {
  return cg_exchange_header(req->given, name);
}

static const char *query_of(const struct cgp_http_request *req, const char *name) {
  return cg_exchange_query(req->given, name);
}

struct asked {
  struct cg_exchange *x;
  uint64_t failures; /* of allocations, when it was asked */
};

/* Their names live as long as the exchange, which copies values alone. */
static void set_headers(struct cg_exchange *x, const struct cgp_http_reply *r) {
  for (size_t i = 0; i < r->n_headers; i++) {
    const struct cgp_header *h = CGP_AT(r->headers, i);
    const char *name = cg_arena_strdup(x->arena, h->name);
    if (name) cg_exchange_set_header(x, name, h->value);
  }
}

static void plugin_answered(void *arg, enum cgp_code code, const void *result,
                            const char *text) {
  struct cg_exchange *x = ((struct asked *)arg)->x;
  bool starved = cg_mem_failures() != ((struct asked *)arg)->failures;
  const struct cgp_http_reply *r = result;
  static const struct {
    uint32_t status;
    enum cg_code code;
  } refusals[] = {{400, CG_E_MALFORMED}, {401, CG_E_UNAUTHENTICATED}, {403, CG_E_DENIED},
                  {404, CG_E_NOT_FOUND}, {413, CG_E_TOO_LARGE},       {422, CG_E_INVALID},
                  {429, CG_E_RATE},      {503, CG_E_UNAVAILABLE}};
  if (code != CGP_OK) {
    cg_exchange_failf(x, cg_code_of(code), "%s", text);
    return;
  }
  set_headers(x, r);
  if (r->status < 400) {
    cg_exchange_reply(x, (int)r->status, r->content_type, r->body, r->body_len);
    return;
  }
  if (starved) { /* what it could not read may be in order */
    cg_exchange_failf(x, CG_E_MEMORY, "the gate has no memory left for this request");
    return;
  }
  for (size_t i = 0; i < CG_COUNT(refusals); i++) {
    if (refusals[i].status == r->status) {
      cg_exchange_failf(x, refusals[i].code, "%.*s", (int)r->body_len,
                        r->body ? r->body : "");
      return;
    }
  }
  cg_exchange_failf(x, CG_E_INTERNAL, "a plugin answered with status %u", r->status);
}

bool cg_api_plugin_route(struct cg_exchange *x) {
  struct cgp_http_request req = {.method = x->method_name,
                                 .path = x->path,
                                 .client_addr = x->client_addr,
                                 .request_id = x->request_id.text,
                                 .body = x->body,
                                 .body_len = x->body_len,
                                 .given = x,
                                 .header = header_of,
                                 .query = query_of};
  char methods[64];
  struct cg_buf allow;
  cg_buf_wrap(&allow, methods, sizeof methods);
  struct asked *a = cg_arena_alloc(x->arena, sizeof *a);
  if (!a) {
    cg_exchange_failf(x, CG_E_MEMORY, "the gate has no memory left for this request");
    return true;
  }
  *a = (struct asked){.x = x, .failures = cg_mem_failures()};
  if (cg_drivers_route(cg_api_of(x)->service->drivers, &req, plugin_answered, a, &allow))
    return true;
  if (allow.len == 0) return false;
  cg_route_refuse_method(x, cg_buf_text(&allow));
  return true;
}
