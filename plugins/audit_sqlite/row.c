#include "row.h"

#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct cgp_audit_row, field)

const size_t aud_col_offset[AUD_COLS] = {
    [AUD_TIME] = AT(time),
    [AUD_KIND] = AT(kind),
    [AUD_LEASE] = AT(lease_id),
    [AUD_SUBJECT] = AT(subject),
    [AUD_CAMERA] = AT(camera),
    [AUD_REQUESTED] = AT(quality_requested),
    [AUD_QUALITY] = AT(quality),
    [AUD_OUTCOME] = AT(outcome),
    [AUD_REASON] = AT(reason),
    [AUD_RULE] = AT(rule),
    [AUD_REVISION] = AT(policy_revision),
    [AUD_REQUEST] = AT(request_id),
    [AUD_DECISION] = AT(decision_id),
    [AUD_ID] = AT(id),
    [AUD_NODE] = AT(node),
    [AUD_CLIENT] = AT(client_addr),
    [AUD_FACTS] = AT(facts),
};

static const char *text_of(const struct cgp_audit_row *row, int col) {
  const char *text;
  memcpy(&text, (const char *)row + aud_col_offset[col], sizeof text);
  return text ? text : "";
}

static char *put_text(char *at, const char *text, uint32_t len) {
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = (char)(len >> shift);
  memcpy(at, text, len);
  return at;
}

struct aud_row *aud_row_copy(const struct cgp_audit_row *from, enum cgp_code *ret_code) {
  size_t len[AUD_COLS], total = 0;
  for (int i = 0; i < AUD_COLS; i++) {
    len[i] = strlen(text_of(from, i));
    total += len[i] + 4;
  }
  *ret_code = total > AUD_ROW_MAX ? CGP_E_INVALID : CGP_E_UNAVAILABLE;
  if (total > AUD_ROW_MAX) return NULL;
  struct aud_row *row = malloc(sizeof *row + total);
  if (!row) return NULL;
  memset(row, 0, sizeof *row);
  char *at = row->block;
  for (int i = 0; i < AUD_COLS; i++) {
    row->len[i] = (uint32_t)len[i];
    row->text[i] = put_text(at, text_of(from, i), row->len[i]);
    at = row->text[i] + len[i];
  }
  row->block_len = total;
  return row;
}

void aud_row_free(struct aud_row *row) {
  if (!row) return;
  free(row->why);
  free(row);
}
