#include "schema.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "columns.h"

#define BEFORE_EVENTS                                                                    \
  "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT "     \
  "ROWID;"                                                                               \
  "INSERT INTO meta VALUES('indexed', 0), ('opened', 0);"                                \
  "CREATE TABLE revisions(number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) "       \
  "STRICT;"                                                                              \
  "INSERT INTO revisions VALUES(0, '');"

#define BEHIND_EVENTS                                                                    \
  "CREATE INDEX events_lease ON events(lease_id, kind, outcome) WHERE lease_id <> '';"   \
  "CREATE TABLE by_subject(subject TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY "        \
  "KEY(subject, seq)) STRICT, WITHOUT ROWID;"                                            \
  "CREATE TABLE by_camera(camera TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY "          \
  "KEY(camera, seq)) STRICT, WITHOUT ROWID;"                                             \
  "CREATE TABLE by_hour(hour TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT "   \
  "ROWID;"

#define PREV                                                                             \
  "coalesce((SELECT lower(hex(p.hash)) FROM events p WHERE p.seq = e.seq - 1), "         \
  "printf('%064d', 0)) AS prev"

/* Version 2.  Texts come from outside, and the file may hold bytes that are not UTF-8
 * (README.md).  A view gives a text as it is when all of it is printable ASCII, which is
 * quick to see, else as the view utf8_texts has it: walked from run to run of ASCII,
 * where a character that SQLite reads and writes as the very same bytes stands for
 * itself, anything else as U+FFFD.  Views use no more than SQLite's own functions:
 * auditors read them with whatever they have.
 *
 * In the texts below {e.reason} is that column of events e so given, {} are the printable
 * characters of ASCII, the frequent ones first. */
#define ASCII                                                                            \
  "' \"etai:,onrshldcup_mfgy.-0123456789{}bvkwxjqzETAIONSRHLDCUMFPGWYBVKXJQZ[]/()!#$%&*" \
  "+;<=>?@\\^`|~'''"

#define UTF8_TEXTS                                                                       \
  "CREATE VIEW utf8_texts AS SELECT seq, name, (WITH RECURSIVE walk(done, rest) AS ("    \
  "SELECT '', CAST(bytes AS TEXT) UNION ALL SELECT done || CASE "                        \
  "WHEN unicode(rest) BETWEEN 32 AND 126 THEN substr(rest, 1, length(CAST(rest AS "      \
  "BLOB)) - length(CAST(ltrim(rest, {}) AS BLOB))) "                                     \
  "WHEN char(unicode(rest)) = substr(rest, 1, 1) THEN substr(rest, 1, 1) "               \
  "ELSE char(65533) END, CASE "                                                          \
  "WHEN unicode(rest) BETWEEN 32 AND 126 THEN ltrim(rest, {}) "                          \
  "WHEN unicode(rest) IS NULL THEN CAST(substr(CAST(rest AS BLOB), 2) AS TEXT) "         \
  "ELSE substr(rest, 2) END FROM walk WHERE rest <> '') "                                \
  "SELECT done FROM walk WHERE rest = '') AS text FROM texts;"

/* Version 1.  watched_s: the time during which more joins than leaves were seen. */
#define SESSIONS_1                                                                       \
  "CREATE VIEW sessions AS SELECT d.lease_id, d.subject, d.camera,"                      \
  " coalesce((SELECT c.quality FROM events c WHERE c.lease_id = d.lease_id AND "         \
  "c.lease_id <> '' AND c.kind = 'change' AND c.quality <> '' ORDER BY c.seq DESC "      \
  "LIMIT 1), d.quality) AS quality, d.time AS granted_at,"                               \
  " (SELECT min(j.time) FROM events j WHERE j.lease_id = d.lease_id AND j.lease_id <> "  \
  "'' AND j.kind = 'join') AS joined_at,"                                                \
  " (SELECT max(l.time) FROM events l WHERE l.lease_id = d.lease_id AND l.lease_id <> "  \
  "'' AND l.kind = 'leave') AS left_at,"                                                 \
  " (SELECT min(x.time) FROM events x WHERE x.lease_id = d.lease_id AND x.lease_id <> "  \
  "'' AND x.kind = 'end') AS ended_at,"                                                  \
  " (SELECT x.outcome FROM events x WHERE x.lease_id = d.lease_id AND x.lease_id <> '' " \
  "AND x.kind = 'end' ORDER BY x.seq LIMIT 1) AS ended_by,"                              \
  " (SELECT round(coalesce(sum((julianday(coalesce(w.until, CASE w.kind WHEN 'end' "     \
  "THEN w.time ELSE strftime('%Y-%m-%dT%H:%M:%fZ', 'now') END)) - julianday(w.time)) * " \
  "86400.0), 0.0), 3) FROM (SELECT v.time, v.kind, sum(CASE v.kind WHEN 'join' THEN 1 "  \
  "WHEN 'leave' THEN -1 ELSE 0 END) OVER (ORDER BY v.seq) AS depth, lead(v.time) OVER "  \
  "(ORDER BY v.seq) AS until FROM events v WHERE v.lease_id = d.lease_id AND "           \
  "v.lease_id <> '' AND v.kind IN ('join', 'leave', 'end')) w WHERE w.depth > 0) AS "    \
  "watched_s, d.seq FROM events d WHERE d.kind = 'decision' AND d.outcome = 'allow' "    \
  "AND d.lease_id <> '';"

/* Version 2.  One identity is one connection: a join (its reason is empty: it was let in)
 * lasts until the next one, its own leave or the end of the lease; who is still there is
 * counted up to now, and what the wall clock was set by meanwhile does not count.  The
 * row that says so comes up to two seconds behind the step: what was told in between is
 * known by its time, which is just before that row's by the new clock.  A join
 * that a list told counts from when the SFU says it was.
 * Without a join nothing is known, and watched_s is NULL. */
#define SESSIONS_2                                                                       \
  "CREATE VIEW sessions AS SELECT d.lease_id, {d.subject} AS subject, {d.camera} "       \
  "AS camera, coalesce((SELECT {c.quality} FROM events c WHERE c.lease_id = "            \
  "d.lease_id AND c.lease_id <> '' AND c.kind = 'change' AND c.quality <> '' ORDER "     \
  "BY c.seq DESC LIMIT 1), {d.quality}) AS quality, d.time AS granted_at, (SELECT "      \
  "CASE WHEN json_extract(j.facts, '$.listed') THEN min(j.time, max(d.time, "            \
  "json_extract(j.facts, '$.at'))) ELSE j.time END FROM events j WHERE j.lease_id "      \
  "= d.lease_id AND j.lease_id <> '' AND j.kind = 'join' AND j.reason = '' ORDER "       \
  "BY j.seq LIMIT 1) AS joined_at, (SELECT l.time FROM events l WHERE l.lease_id = "     \
  "d.lease_id AND l.lease_id <> '' AND l.kind = 'leave' ORDER BY l.seq DESC LIMIT "      \
  "1) AS left_at, (SELECT x.time FROM events x WHERE x.lease_id = d.lease_id AND "       \
  "x.lease_id <> '' AND x.kind = 'end' ORDER BY x.seq LIMIT 1) AS ended_at, "            \
  "(SELECT {x.outcome} FROM events x WHERE x.lease_id = d.lease_id AND x.lease_id "      \
  "<> '' AND x.kind = 'end' ORDER BY x.seq LIMIT 1) AS ended_by, (SELECT "               \
  "round(sum(max(0.0, (julianday(coalesce(w.until, strftime('%Y-%m-%dT%H:%M:%fZ', "      \
  "'now'))) - julianday(w.since)) * 86400.0 - coalesce((SELECT "                         \
  "sum(json_extract(k.facts, '$.step_ms')) FROM meta m JOIN events k ON k.seq = "        \
  "CAST(substr(m.key, 6) AS INTEGER) AND k.kind = 'clock' WHERE m.key > "                \
  "printf('step %019d', w.seq) AND m.key < printf('step %019d', "                        \
  "coalesce(w.until_seq + 4096, 9223372036854775807)) AND NOT (julianday(k.time) - "     \
  "julianday(w.since)) * 86400.0 BETWEEN -0.01 AND min(2.0, "                            \
  "abs(json_extract(k.facts, '$.step_ms')) / 2000.0) AND (w.until IS NULL OR k.seq "     \
  "< w.until_seq OR (julianday(k.time) - julianday(w.until)) * 86400.0 BETWEEN "         \
  "-0.01 AND min(2.0, abs(json_extract(k.facts, '$.step_ms')) / 2000.0))), 0) / "        \
  "1000.0)), 3) FROM (SELECT CASE WHEN json_extract(j.facts, '$.listed') THEN "          \
  "min(j.time, max(d.time, json_extract(j.facts, '$.at'))) ELSE j.time END AS "          \
  "since, (SELECT CASE u.kind WHEN 'join' THEN CASE WHEN json_extract(u.facts, "         \
  "'$.listed') THEN min(u.time, max(d.time, json_extract(u.facts, '$.at'))) ELSE "       \
  "u.time END ELSE u.time END FROM events u WHERE u.lease_id = d.lease_id AND "          \
  "u.lease_id <> '' AND u.kind IN ('join', 'leave', 'end') AND u.seq > j.seq AND "       \
  "(u.kind = 'end' OR (u.kind = 'join' AND u.reason = '') OR (u.kind = 'leave' AND "     \
  "coalesce(json_extract(u.facts, '$.participant'), '') IN ('', "                        \
  "coalesce(json_extract(j.facts, '$.participant'), '')))) ORDER BY u.seq LIMIT 1) "     \
  "AS until, (SELECT u.seq FROM events u WHERE u.lease_id = d.lease_id AND "             \
  "u.lease_id <> '' AND u.kind IN ('join', 'leave', 'end') AND u.seq > j.seq AND "       \
  "(u.kind = 'end' OR (u.kind = 'join' AND u.reason = '') OR (u.kind = 'leave' AND "     \
  "coalesce(json_extract(u.facts, '$.participant'), '') IN ('', "                        \
  "coalesce(json_extract(j.facts, '$.participant'), '')))) ORDER BY u.seq LIMIT 1) "     \
  "AS until_seq, j.seq AS seq FROM events j WHERE j.lease_id = d.lease_id AND "          \
  "j.lease_id <> '' AND j.kind = 'join' AND j.reason = '' AND NOT EXISTS (SELECT 1 "     \
  "FROM events x WHERE x.lease_id = d.lease_id AND x.lease_id <> '' AND x.kind = "       \
  "'end' AND x.seq < j.seq)) w) AS watched_s, d.seq FROM events d WHERE d.kind = "       \
  "'decision' AND d.outcome = 'allow' AND d.lease_id <> '';"

static void put_given(sqlite3_str *to, const char *of, const char *column) {
  sqlite3_str_appendf(
      to,
      "iif(%s.%s GLOB '*[^ -~]*' OR instr(CAST(%s.%s AS BLOB), x'00'), "
      "(SELECT u.text FROM utf8_texts u WHERE u.seq = %s.seq AND u.name = "
      "'%s'), %s.%s)",
      of, column, of, column, of, column, of, column);
}

/* A text with {of.column} and {} in it. */
static void put_form(sqlite3_str *to, const char *form) {
  char of[8], column[32];
  for (const char *end; *form; form = end + 1) {
    const char *open = form + strcspn(form, "{");
    sqlite3_str_append(to, form, (int)(open - form));
    if (!*open) return;
    end = strchr(open, '}');
    if (end == open + 1)
      sqlite3_str_appendall(to, ASCII);
    else if (sscanf(open, "{%7[^.].%31[^}]}", of, column) == 2)
      put_given(to, of, column);
  }
}

static const char *const sessions[] = {NULL, SESSIONS_1, SESSIONS_2};

static void put_events(sqlite3_str *to) {
  sqlite3_str_appendall(to, "CREATE TABLE events(seq INTEGER PRIMARY KEY");
  for (int i = 0; i < AUD_COLS; i++)
    sqlite3_str_appendf(to, ", %s", aud_columns[i].defined);
  sqlite3_str_appendall(to, ", hash BLOB NOT NULL) STRICT;");
}

static int place_of(const struct aud_column *c, bool trail) {
  return trail ? c->in_trail : c->in_decisions;
}

/* A column as the views give it. */
static void put_column(sqlite3_str *to, int version, const struct aud_column *c) {
  bool given = version > 1 && !c->own && !c->by_number;
  if (given)
    put_given(to, "e", c->name);
  else
    sqlite3_str_appendall(to, c->read);
  if (given || c->by_number) sqlite3_str_appendf(to, " AS %s", c->name);
  sqlite3_str_appendall(to, ", ");
}

/* What stands at that place of the view.  false: nothing, the places are over. */
static bool put_place(sqlite3_str *to, int version, bool trail, int place) {
  for (int i = 0; i < AUD_COLS; i++)
    if (place_of(&aud_columns[i], trail) == place) {
      put_column(to, version, &aud_columns[i]);
      return true;
    }
  return false;
}

static void put_places(sqlite3_str *to, int version, bool trail) {
  for (int place = 1; put_place(to, version, trail, place);) place++;
}

static void put_decisions(sqlite3_str *to, int version, const char *view,
                          const char *condition) {
  sqlite3_str_appendf(to, "CREATE VIEW %s AS SELECT ", view);
  put_places(to, version, false);
  sqlite3_str_appendf(to, "seq FROM events%s WHERE kind = 'decision'%s;",
                      version > 1 ? " e" : "", condition);
}

/* Those that came from outside, one a line. */
static void put_texts(sqlite3_str *to) {
  const char *before = "CREATE VIEW texts AS";
  for (int i = 0; i < AUD_COLS; i++) {
    const struct aud_column *c = &aud_columns[i];
    if (c->own || c->by_number) continue;
    sqlite3_str_appendf(
        to, "%s SELECT seq, '%s' AS name, CAST(%s AS BLOB) AS bytes FROM events", before,
        c->name, c->name);
    before = " UNION ALL";
  }
  sqlite3_str_appendall(to, ";");
  put_form(to, UTF8_TEXTS);
}

static void put_views(sqlite3_str *to, int version) {
  if (version > 1) put_texts(to);
  sqlite3_str_appendall(to, "CREATE VIEW trail AS SELECT seq, ");
  put_places(to, version, true);
  sqlite3_str_appendall(to, PREV ", lower(hex(hash)) AS hash FROM events e;");
  put_decisions(to, version, "decisions", "");
  put_decisions(to, version, "denials", " AND outcome = 'deny'");
  put_form(to, sessions[version]);
}

char *aud_schema_sql(int version) {
  sqlite3_str *to = sqlite3_str_new(NULL);
  sqlite3_str_appendall(to, BEFORE_EVENTS);
  put_events(to);
  sqlite3_str_appendall(to, BEHIND_EVENTS);
  put_views(to, version);
  return sqlite3_str_finish(to);
}

char *aud_schema_renewal(void) {
  sqlite3_str *to = sqlite3_str_new(NULL);
  sqlite3_str_appendall(to, "DROP VIEW trail; DROP VIEW decisions; DROP VIEW denials; "
                            "DROP VIEW sessions; ");
  put_views(to, AUD_SCHEMA_VERSION);
  return sqlite3_str_finish(to);
}
