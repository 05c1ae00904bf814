/* page.h - rows read from the trail, each a struct cgp_audit_row with its texts. */
#ifndef AUD_PAGE_H
#define AUD_PAGE_H

#include <sqlite3.h>

#include "camgate_plugin.h"
#include "message.h"

struct aud_page {
  struct cgp_audit_row *rows;
  char **texts; /* of each row, one block */
  size_t n, capacity, bytes;
  sqlite3_stmt *fetch; /* closed by aud_page_seal */
};

bool aud_page_open(struct aud_page *p, sqlite3 *db);
/* Appends the row of that seq; a row that is gone meanwhile is left out. */
bool aud_page_add(struct aud_page *p, int64_t seq);
void aud_page_seal(struct aud_page *p); /* the connection may be closed now */
void aud_page_free(struct aud_page *p);

#endif
