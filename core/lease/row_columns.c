/* The trail's columns by name, and a row as JSON. */
#include "lease/row.h"

#define COLUMN(name)                                                                     \
  { #name, offsetof(struct cgp_audit_row, name) }

const struct cg_row_column cg_row_columns[CG_ROW_COLUMNS] = {
    COLUMN(id),
    COLUMN(time),
    COLUMN(node),
    COLUMN(kind),
    COLUMN(lease_id),
    COLUMN(request_id),
    COLUMN(decision_id),
    COLUMN(subject),
    COLUMN(camera),
    COLUMN(quality_requested),
    COLUMN(quality),
    COLUMN(outcome),
    COLUMN(reason),
    COLUMN(rule),
    COLUMN(policy_revision),
    COLUMN(client_addr),
    COLUMN(prev),
    COLUMN(hash),
};

const char *cg_row_text(const struct cgp_audit_row *row, size_t column) {
  return *(const char *const *)((const char *)row + cg_row_columns[column].offset);
}

void cg_row_json(struct cg_buf *b, const struct cgp_audit_row *row) {
  cg_json_open(b, NULL, '{');
  cg_json_int(b, "seq", row->seq);
  for (size_t i = 0; i < CG_ROW_COLUMNS; i++)
    cg_json_str(b, cg_row_columns[i].name, cg_row_text(row, i));
  cg_json_raw(b, "facts", row->facts);
  cg_json_close(b, '}');
}
