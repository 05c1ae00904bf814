/* A request's body as checked JSON, or the problem that says why not. */
#include <string.h>
#include <strings.h>

#include "http/exchange.h"

static bool is_json(const char *type) {
  static const char json[] = "application/json";
  if (!type || strncasecmp(type, json, sizeof json - 1) != 0) return false;
  type += sizeof json - 1;
  return type[strspn(type, " \t")] == '\0' || type[strspn(type, " \t")] == ';';
}

void cg_exchange_invalid(struct cg_exchange *x, const struct cg_field_errors *errs) {
  struct cg_err err;
  cg_fail(&err, CG_E_INVALID, "%zu field%s of the body %s not valid: see errors", errs->n,
          errs->n == 1 ? "" : "s", errs->n == 1 ? "is" : "are");
  cg_exchange_problem(x, &(struct cg_problem){.err = &err, .errors = errs});
}

void cg_exchange_needs_body(struct cg_exchange *x) {
  cg_exchange_failf(x, CG_E_MALFORMED, "%s %s needs a JSON body", x->method_name,
                    x->path);
}

static bool is_there(struct cg_exchange *x) {
  if (x->body_len == 0)
    cg_exchange_needs_body(x);
  else if (!is_json(cg_exchange_header(x, "Content-Type")))
    cg_exchange_failf(x, CG_E_MEDIA_TYPE, "send Content-Type: application/json");
  else
    return true;
  return false;
}

static bool parse(struct cg_exchange *x) {
  struct cg_err err;
  x->json = cg_json_parse(x->body, x->body_len, &err);
  if (x->json) return true;
  cg_exchange_fail(x, &err);
  return false;
}

bool cg_exchange_body(struct cg_exchange *x, const struct cg_field *fields, void *out,
                      struct cg_field_errors *errs) {
  struct cg_field_errors own;
  if (!errs) errs = &own;
  errs->n = 0;
  if (!is_there(x)) return false;
  if (cg_schema_read_plain(fields, x->body, x->body_len, out, x->arena)) return true;
  if (!parse(x)) return false;
  if (!json_is_object(x->json))
    cg_field_error(errs, x->arena, "", "must be a JSON object");
  else if (cg_schema_check(fields, x->json, "", out, x->arena, errs))
    return true;
  cg_exchange_invalid(x, errs);
  return false;
}
