/* schema.h - the tables and views of the trail, as SQLite gets them; README.md tells an
 * auditor what they mean.  Version 2; a trail of version 1, whose view sessions counted
 * otherwise and whose views gave bytes that are not UTF-8 as they were, is read as it is
 * and becomes one of version 2 when a gate opens it to write.
 * Any other version is refused in words.
 *
 * events holds the rows, by seq, with no gap.  Its one index is by lease: lease ids begin
 * with the time, so new keys go to its right edge and cost nearly nothing.  Everything
 * else that is searched by is written later, when nothing waits, up to meta.indexed.
 * `verify` compares all of it word for word (schema_check.h): another word is another
 * version. */
#ifndef AUD_SCHEMA_H
#define AUD_SCHEMA_H

#define AUD_APPLICATION_ID 0x63676175 /* "cgau" */
#define AUD_SCHEMA_FIRST   1
#define AUD_SCHEMA_VERSION 2

/* All of that version, to be run once on an empty database; sqlite3_free it.  NULL: no
 * memory. */
char *aud_schema_sql(int version);
/* What makes version 2 of version 1; likewise. */
char *aud_schema_renewal(void);

#endif
