#include "index.h"

#include "sql.h"

/* Inserted in the order of their keys, so that one page is written once. */
bool aud_index_slice(struct aud_store *s, struct aud_message *msg) {
  static const char *const fill[] = {
      "INSERT INTO by_subject SELECT subject, seq FROM events WHERE seq > %lld AND "
      "seq <= %lld AND subject <> '' ORDER BY subject, seq",
      "INSERT INTO by_camera SELECT camera, seq FROM events WHERE seq > %lld AND "
      "seq <= %lld AND camera <> '' ORDER BY camera, seq",
      "INSERT OR IGNORE INTO by_hour SELECT substr(time, 1, 13), min(seq) FROM events "
      "WHERE seq > %lld AND seq <= %lld GROUP BY 1",
      "UPDATE meta SET value = max(%lld, %lld) WHERE key = 'indexed'",
  };
  int64_t from = s->indexed, to = from + AUD_SLICE_ROWS;
  if (to > s->head.seq) to = s->head.seq;
  if (!aud_sql_run(s->db, s->files, "BEGIN IMMEDIATE", msg)) return false;
  for (size_t i = 0; i < sizeof fill / sizeof *fill; i++) {
    char sql[256];
    (void)sqlite3_snprintf(sizeof sql, sql, fill[i], (long long)from, (long long)to);
    if (!aud_sql_run(s->db, s->files, sql, msg)) return false;
  }
  if (!aud_sql_run(s->db, s->files, "COMMIT", msg)) return false;
  s->indexed = to;
  return true;
}
