#include "plugin/columns.h"

#include <string.h>

#define TEXT(of, name)                                                                   \
  { #name, offsetof(struct of, name), false }
#define JSON(of, name)                                                                   \
  { #name, offsetof(struct of, name), true }

const struct cg_column cg_row_columns[] = {
    TEXT(cgp_audit_row, id),
    TEXT(cgp_audit_row, time),
    TEXT(cgp_audit_row, node),
    TEXT(cgp_audit_row, kind),
    TEXT(cgp_audit_row, lease_id),
    TEXT(cgp_audit_row, request_id),
    TEXT(cgp_audit_row, decision_id),
    TEXT(cgp_audit_row, subject),
    TEXT(cgp_audit_row, camera),
    TEXT(cgp_audit_row, quality_requested),
    TEXT(cgp_audit_row, quality),
    TEXT(cgp_audit_row, outcome),
    TEXT(cgp_audit_row, reason),
    TEXT(cgp_audit_row, rule),
    TEXT(cgp_audit_row, policy_revision),
    TEXT(cgp_audit_row, client_addr),
    TEXT(cgp_audit_row, prev),
    TEXT(cgp_audit_row, hash),
    JSON(cgp_audit_row, facts),
    {0},
};

const struct cg_column cg_filter_columns[] = {
    TEXT(cgp_audit_filter, since),    TEXT(cgp_audit_filter, until),
    TEXT(cgp_audit_filter, subject),  TEXT(cgp_audit_filter, camera),
    TEXT(cgp_audit_filter, kind),     TEXT(cgp_audit_filter, outcome),
    TEXT(cgp_audit_filter, lease_id), {0},
};

static const char *none(const struct cg_column *c) {
  return c->json ? "{}" : "";
}

const char *cg_column_text(const void *of, const struct cg_column *c) {
  const char *text;
  uint32_t size;
  memcpy(&size, of, sizeof size);
  if (c->offset + sizeof text > size) return none(c);
  memcpy(&text, (const char *)of + c->offset, sizeof text);
  return text;
}

void cg_column_set(void *of, const struct cg_column *c, const char *text) {
  memcpy((char *)of + c->offset, &text, sizeof text);
}

static void clear(void *of, const struct cg_column *columns) {
  for (const struct cg_column *c = columns; c->name; c++) cg_column_set(of, c, none(c));
}

struct cgp_audit_row cg_row_blank(const char *kind) {
  struct cgp_audit_row row = {.size = sizeof row};
  clear(&row, cg_row_columns);
  row.kind = kind;
  return row;
}

struct cgp_audit_filter cg_filter_blank(void) {
  struct cgp_audit_filter f = {.size = sizeof f};
  clear(&f, cg_filter_columns);
  return f;
}

void cg_row_json(struct cg_buf *b, const struct cgp_audit_row *row) {
  cg_json_open(b, NULL, '{');
  cg_json_int(b, "seq", row->seq);
  for (const struct cg_column *c = cg_row_columns; c->name; c++)
    (c->json ? cg_json_raw : cg_json_str)(b, c->name, cg_column_text(row, c));
  cg_json_close(b, '}');
}
