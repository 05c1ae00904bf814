/* row.h - rows on their way into the trail, in groups of which all are written or none.
 *
 * A group is copied whole at append, on the worker, into one piece of memory.  The texts
 * of a row lie in it as the chain hashes them (chain.h), each behind its length in four
 * bytes, big-endian.
 * Owner: the queue, then the writer, then the worker's inbox, which frees it. */
#ifndef AUD_ROW_H
#define AUD_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "camgate_plugin.h"
#include "columns.h"
#include "inbox.h"

#define AUD_ROW_MAX (256 * 1024) /* bytes of text in one row */

struct aud_row {
  int64_t seq; /* once committed */
  uint32_t len[AUD_COLS];
  char *text[AUD_COLS]; /* into block, not NUL-terminated */
  char *block;          /* the row's part of its group's memory */
  size_t block_len;
};

struct aud_group {
  struct aud_reply reply; /* first: the inbox hands it back as this */
  int64_t since_us;       /* steady.h, when it came; the writer refuses what is too old */
  bool failed;
  char *why; /* once failed; owned; NULL also when there is no memory */
  size_t n;
  struct aud_row rows[];
};

/* What the trail itself adds to each row of a group. */
struct aud_stamp {
  int64_t wall_us;
  const char *node;
  uint64_t *noise; /* of the next id; counts on */
};

/* rows lie rows->size apart.  NULL: no memory, or more than AUD_ROW_MAX of text in a row
 * (*ret_code says which). */
struct aud_group *aud_group_copy(const struct cgp_audit_row *rows, size_t n,
                                 const struct aud_stamp *stamp, enum cgp_code *ret_code);
void aud_group_free(struct aud_group *g); /* NULL is fine */

#endif
