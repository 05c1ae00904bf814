#include "row.h"

#include <stdlib.h>
#include <string.h>

#include "stamp.h"

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

/* The nth row as the trail takes it; time and id lie in the stamped row's own memory. */
struct stamped {
  struct cgp_audit_row row;
  char time[AUD_TIME_LEN + 1], id[AUD_ID_LEN + 1];
};

static void stamp_nth(struct stamped *to, const struct cgp_audit_row *rows, size_t nth,
                      const struct aud_stamp *stamp, uint64_t noise) {
  to->row = *CGP_AT(rows, nth);
  aud_id_format(stamp->wall_us, noise, to->id);
  to->row.time = to->time;
  to->row.id = to->id;
  to->row.node = stamp->node;
}

static size_t block_len(const struct cgp_audit_row *row) {
  size_t total = 0;
  for (int i = 0; i < AUD_COLS; i++) total += strlen(text_of(row, i)) + 4;
  return total;
}

/* Returns where the next row's block lies. */
static char *put_row(struct aud_row *to, char *at, const struct cgp_audit_row *from) {
  to->block = at;
  for (int i = 0; i < AUD_COLS; i++) {
    const char *text = text_of(from, i);
    to->len[i] = (uint32_t)strlen(text);
    to->text[i] = put_text(at, text, to->len[i]);
    at = to->text[i] + to->len[i];
  }
  to->block_len = (size_t)(at - to->block);
  return at;
}

struct aud_group *aud_group_copy(const struct cgp_audit_row *rows, size_t n,
                                 const struct aud_stamp *stamp, enum cgp_code *ret_code) {
  struct stamped one;
  struct aud_group *g;
  size_t total = 0;
  aud_time_format(stamp->wall_us, one.time);
  for (size_t i = 0; i < n; i++) {
    stamp_nth(&one, rows, i, stamp, 0); /* every id has the same length */
    size_t len = block_len(&one.row);
    *ret_code = len > AUD_ROW_MAX ? CGP_E_INVALID : CGP_E_UNAVAILABLE;
    if (len > AUD_ROW_MAX) return NULL;
    total += len;
  }
  size_t fixed = sizeof *g + n * sizeof *g->rows;
  g = malloc(fixed + total);
  if (!g) return NULL;
  memset(g, 0, fixed);
  g->n = n;
  char *at = (char *)g + fixed;
  for (size_t i = 0; i < n; i++) {
    stamp_nth(&one, rows, i, stamp, (*stamp->noise)++);
    at = put_row(&g->rows[i], at, &one.row);
  }
  return g;
}

void aud_group_free(struct aud_group *g) {
  if (!g) return;
  free(g->why);
  free(g);
}
