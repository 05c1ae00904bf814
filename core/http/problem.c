#include "http/problem.h"

#include <stdio.h>

#include "base/check.h"

int cg_problem_status(const struct cg_problem *p) {
  return cg_code_info(p->err->code)->status;
}

int64_t cg_problem_retry_after_s(const struct cg_problem *p) {
  int status = cg_problem_status(p);
  bool again = status == 429 || status == 503;
  return p->retry_after_s || !again ? p->retry_after_s : 1;
}

static void write_text(struct cg_buf *out, const char *key, const char *text) {
  if (text && text[0]) cg_json_str(out, key, text);
}

static void write_errors(struct cg_buf *out, const struct cg_field_errors *errors) {
  if (!errors || errors->n == 0) return;
  size_t kept = errors->n < CG_FIELD_ERRORS_MAX ? errors->n : CG_FIELD_ERRORS_MAX;
  cg_json_open(out, "errors", '[');
  for (size_t i = 0; i < kept; i++) {
    cg_json_open(out, NULL, '{');
    cg_json_str(out, "pointer", errors->items[i].pointer);
    cg_json_str(out, "detail", errors->items[i].text);
    cg_json_close(out, '}');
  }
  cg_json_close(out, ']');
}

static void write_scope(struct cg_buf *out, const struct cg_problem *p) {
  if (p->scope) {
    cg_json_str(out, "scope", p->scope);
    cg_json_int(out, "limit", p->limit);
    cg_json_int(out, "in_use", p->in_use);
  }
  if (p->conflicts.n == 0) return;
  cg_json_open(out, "conflicts", '[');
  for (size_t i = 0; i < p->conflicts.n; i++)
    cg_json_str(out, NULL, p->conflicts.items[i]);
  cg_json_close(out, ']');
}

void cg_problem_write(const struct cg_problem *p, const char *request_id,
                      struct cg_buf *out) {
  const struct cg_code_info *info = cg_code_info(p->err->code);
  int64_t retry = cg_problem_retry_after_s(p);
  cg_json_open(out, NULL, '{');
  char type[64];
  CG_CHECK(snprintf(type, sizeof type, "/problems/%s", info->slug) < (int)sizeof type);
  cg_json_str(out, "type", type);
  cg_json_str(out, "title", info->title);
  cg_json_int(out, "status", info->status);
  cg_json_str(out, "detail", *p->err->text ? p->err->text : info->title);
  cg_json_str(out, "instance", request_id);
  write_text(out, "decision_id", p->decision_id);
  write_text(out, "rule", p->rule);
  write_text(out, "reason", p->reason);
  write_text(out, "ended_by", p->ended_by);
  write_scope(out, p);
  if (retry) cg_json_int(out, "retry_after_s", retry);
  write_errors(out, p->errors);
  cg_json_close(out, '}');
}
