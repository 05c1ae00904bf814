/* schema.h - the tables and views of the trail, as SQLite gets them; README.md tells an
 * auditor what they mean.  Version 1; another version is refused in words.
 *
 * events holds the rows, by seq, with no gap.  Its one index is by lease: lease ids begin
 * with the time, so new keys go to its right edge and cost nearly nothing.  Everything
 * else that is searched by is written later, when nothing waits, up to meta.indexed.
 * `verify` compares all of it word for word: another word is another version. */
#ifndef AUD_SCHEMA_H
#define AUD_SCHEMA_H

#define AUD_APPLICATION_ID 0x63676175 /* "cgau" */
#define AUD_SCHEMA_VERSION 1

#define AUD_TABLES                                                                       \
  "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT "     \
  "ROWID;"                                                                               \
  "INSERT INTO meta VALUES('indexed', 0), ('opened', 0);"                                \
  "CREATE TABLE revisions(number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) "       \
  "STRICT;"                                                                              \
  "INSERT INTO revisions VALUES(0, '');"                                                 \
  "CREATE TABLE events(seq INTEGER PRIMARY KEY, time TEXT NOT NULL, kind TEXT NOT "      \
  "NULL, lease_id TEXT NOT NULL, subject TEXT NOT NULL, camera TEXT NOT NULL, "          \
  "quality_requested TEXT NOT NULL, quality TEXT NOT NULL, outcome TEXT NOT NULL, "      \
  "reason TEXT NOT NULL, rule TEXT NOT NULL, revision INTEGER NOT NULL REFERENCES "      \
  "revisions, request_id TEXT NOT NULL, decision_id TEXT NOT NULL, id TEXT NOT NULL, "   \
  "node TEXT NOT NULL, client_addr TEXT NOT NULL, facts TEXT NOT NULL, hash BLOB NOT "   \
  "NULL) STRICT;"                                                                        \
  "CREATE INDEX events_lease ON events(lease_id, kind, outcome) WHERE lease_id <> '';"   \
  "CREATE TABLE by_subject(subject TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY "        \
  "KEY(subject, seq)) STRICT, WITHOUT ROWID;"                                            \
  "CREATE TABLE by_camera(camera TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY "          \
  "KEY(camera, seq)) STRICT, WITHOUT ROWID;"                                             \
  "CREATE TABLE by_hour(hour TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT "   \
  "ROWID;"

#define AUD_DECISION_COLUMNS                                                             \
  "time, decision_id, request_id, lease_id, subject, camera, quality_requested, "        \
  "quality, outcome, reason, rule, (SELECT text FROM revisions WHERE number = "          \
  "revision) AS policy_revision, client_addr, seq"

#define AUD_TRAIL_VIEWS                                                                  \
  "CREATE VIEW trail AS SELECT seq, id, time, node, kind, lease_id, request_id, "        \
  "decision_id, subject, camera, quality_requested, quality, outcome, reason, rule, "    \
  "(SELECT text FROM revisions WHERE number = revision) AS policy_revision, "            \
  "client_addr, facts, coalesce((SELECT lower(hex(p.hash)) FROM events p WHERE p.seq = " \
  "e.seq - 1), printf('%064d', 0)) AS prev, lower(hex(hash)) AS hash FROM events e;"     \
  "CREATE VIEW decisions AS SELECT " AUD_DECISION_COLUMNS                                \
  " FROM events WHERE kind = 'decision';"                                                \
  "CREATE VIEW denials AS SELECT " AUD_DECISION_COLUMNS                                  \
  " FROM events WHERE kind = 'decision' AND outcome = 'deny';"

/* watched_s: the time during which more joins than leaves were seen; who is still there
 * is counted up to now, or to the end of the lease. */
#define AUD_SESSIONS_VIEW                                                                \
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

/* Columns of a whole row, in the order of enum aud_col behind seq, then the hash. */
#define AUD_ROW_COLUMNS                                                                  \
  "SELECT e.seq, e.time, e.kind, e.lease_id, e.subject, e.camera, e.quality_requested, " \
  "e.quality, e.outcome, e.reason, e.rule, (SELECT r.text FROM revisions r WHERE "       \
  "r.number = e.revision), e.request_id, e.decision_id, e.id, e.node, e.client_addr, "   \
  "e.facts, e.hash"

#endif
