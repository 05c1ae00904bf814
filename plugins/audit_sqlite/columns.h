/* columns.h - the trail's columns, in the one place where they stand.
 *
 * A line is one text of struct cgp_audit_row; their order is the order in the table
 * events and in the chain's hash (chain.h).  Made of these lines: enum aud_col, where a
 * text lies in a row, CREATE TABLE, INSERT, SELECT, the views trail, decisions and
 * denials; the copy of a row, its binding, hash, reading and check loop over them; a test
 * holds README.md's lists to them (tests/plugins/test_audit_columns.c).
 *
 * A NEW COLUMN is a line at the end, with the next free places in the views, and the next
 * AUD_SCHEMA_VERSION (schema.h): the bytes of a hash and the words of the tables belong
 * to a version, so no line may change within one.  Nothing else of this plugin changes,
 * but for what shall search by the column (query.c).  The field itself stands in
 * camgate_plugin.h; the gate's side is core/plugin/columns.c. */
#ifndef AUD_COLUMNS_H
#define AUD_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "camgate_plugin.h"

/* X(the row's field, how events keeps it, place in the view trail, in decisions; 0: none)
 * TEXT: as it is.  OWN: likewise, and the gate made it: ASCII, whatever others gave.
 * NUMBER: as the number that the text has in the table revisions. */
#define AUD_COLUMNS(X)                                                                   \
  X(time, OWN, 2, 1)                                                                     \
  X(kind, OWN, 4, 0)                                                                     \
  X(lease_id, OWN, 5, 4)                                                                 \
  X(subject, TEXT, 8, 5)                                                                 \
  X(camera, TEXT, 9, 6)                                                                  \
  X(quality_requested, TEXT, 10, 7)                                                      \
  X(quality, TEXT, 11, 8)                                                                \
  X(outcome, TEXT, 12, 9)                                                                \
  X(reason, TEXT, 13, 10)                                                                \
  X(rule, TEXT, 14, 11)                                                                  \
  X(policy_revision, NUMBER, 15, 12)                                                     \
  X(request_id, TEXT, 6, 3)                                                              \
  X(decision_id, TEXT, 7, 2)                                                             \
  X(id, OWN, 1, 0)                                                                       \
  X(node, TEXT, 3, 0)                                                                    \
  X(client_addr, TEXT, 16, 13)                                                           \
  X(facts, TEXT, 17, 0)

#define AUD_READ_TEXT(field)   #field
#define AUD_READ_OWN(field)    #field
#define AUD_READ_NUMBER(field) "(SELECT text FROM revisions WHERE number = revision)"

#define AUD_COL(field)                    AUD_COL_##field
#define AUD_COL_LINE(field, kept, ...)    AUD_COL(field),
#define AUD_SELECT_LINE(field, kept, ...) ", " AUD_READ_##kept(field)
#define AUD_INSERT_LINE(...)              ", ?"

enum aud_col { AUD_COLUMNS(AUD_COL_LINE) AUD_COLS };

struct aud_column {
  const char *name; /* in the row and in the views */
  size_t offset;    /* in struct cgp_audit_row */
  bool by_number, own;
  const char *defined; /* in CREATE TABLE events */
  const char *read;    /* out of events, as text */
  int in_trail, in_decisions;
};

extern const struct aud_column aud_columns[AUD_COLS];

/* A whole row into events, and out of it; where seq, a column and the hash stand, from 0
 * on. */
#define AUD_INSERT_ROW "INSERT INTO events VALUES(?" AUD_COLUMNS(AUD_INSERT_LINE) ", ?)"
#define AUD_SELECT_ROW "SELECT seq" AUD_COLUMNS(AUD_SELECT_LINE) ", hash"
#define AUD_AT_SEQ     0
#define AUD_AT(col)    ((int)(col) + 1)
#define AUD_AT_HASH    AUD_AT(AUD_COLS)
#define AUD_AT_FURTHER (AUD_AT_HASH + 1)

/* The text of a row given by the gate; NULL is read as "". */
const char *aud_column_text(const struct cgp_audit_row *row, enum aud_col col);
void aud_column_set(struct cgp_audit_row *row, enum aud_col col, const char *text);

#endif
