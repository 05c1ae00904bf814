#include "columns.h"

#include <string.h>

#define DEFINE_TEXT(field)   #field " TEXT NOT NULL"
#define DEFINE_OWN(field)    DEFINE_TEXT(field)
#define DEFINE_NUMBER(field) "revision INTEGER NOT NULL REFERENCES revisions"
#define IS_TEXT              false, false
#define IS_OWN               false, true
#define IS_NUMBER            true, false
#define LINE(field, kept, in_trail, in_decisions)                                        \
  [AUD_COL(field)] = {#field,                                                            \
                      offsetof(struct cgp_audit_row, field),                             \
                      IS_##kept,                                                         \
                      DEFINE_##kept(field),                                              \
                      AUD_READ_##kept(field),                                            \
                      in_trail,                                                          \
                      in_decisions},

const struct aud_column aud_columns[AUD_COLS] = {AUD_COLUMNS(LINE)};

const char *aud_column_text(const struct cgp_audit_row *row, enum aud_col col) {
  const char *text;
  memcpy(&text, (const char *)row + aud_columns[col].offset, sizeof text);
  return text ? text : "";
}

void aud_column_set(struct cgp_audit_row *row, enum aud_col col, const char *text) {
  memcpy((char *)row + aud_columns[col].offset, &text, sizeof text);
}
