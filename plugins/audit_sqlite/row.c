#include "row.h"

#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "stamp.h"

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
  for (int i = 0; i < AUD_COLS; i++)
    total += strlen(aud_column_text(row, i)) + AUD_LENGTH_LEN;
  return total;
}

/* Returns where the next row's block lies. */
static char *put_row(struct aud_row *to, char *at, const struct cgp_audit_row *from) {
  to->block = at;
  for (int i = 0; i < AUD_COLS; i++) {
    const char *text = aud_column_text(from, i);
    to->len[i] = (uint32_t)strlen(text);
    to->text[i] = at + AUD_LENGTH_LEN;
    at = aud_chain_put(at, text, to->len[i]);
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
