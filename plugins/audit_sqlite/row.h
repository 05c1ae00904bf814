/* row.h - one row on its way into the trail.
 *
 * Copied whole at append, on the worker, into one block of memory: the texts lie in it in
 * the very form that the chain hashes (chain.h), each behind its length in four bytes,
 * big-endian.  The writer only patches the time, which always has the same length.
 * Owner: the queue, then the writer, then the worker's box, which frees it. */
#ifndef AUD_ROW_H
#define AUD_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "box.h"
#include "camgate_plugin.h"

/* The texts of a row, in the order of the table's columns and of the chain. */
enum aud_col {
  AUD_TIME,
  AUD_KIND,
  AUD_LEASE,
  AUD_SUBJECT,
  AUD_CAMERA,
  AUD_REQUESTED,
  AUD_QUALITY,
  AUD_OUTCOME,
  AUD_REASON,
  AUD_RULE,
  AUD_REVISION,
  AUD_REQUEST,
  AUD_DECISION,
  AUD_ID,
  AUD_NODE,
  AUD_CLIENT,
  AUD_FACTS,
  AUD_COLS
};

#define AUD_ROW_MAX (256 * 1024) /* bytes of text in one row */

/* Where each text lies in struct cgp_audit_row. */
extern const size_t aud_col_offset[AUD_COLS];

struct aud_row {
  struct aud_reply reply; /* first: the box hands it back as this */
  int64_t seq;            /* once committed */
  char *why;              /* once failed; owned; NULL also when there is no memory */
  bool failed;
  uint32_t len[AUD_COLS];
  char *text[AUD_COLS]; /* into block, not NUL-terminated */
  size_t block_len;
  char block[];
};

/* NULL: no memory, or more than AUD_ROW_MAX of text (*ret_code says which).  `time` and
 * `id` of the given row are the ones to take. */
struct aud_row *aud_row_copy(const struct cgp_audit_row *from, enum cgp_code *ret_code);
void aud_row_free(struct aud_row *row); /* NULL is fine */

#endif
