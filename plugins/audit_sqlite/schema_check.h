/* schema_check.h - are the tables and views still the gate's own?
 *
 * Whoever may write the file can leave every row as it was and have a view say something
 * else, or a trigger take rows away.  So everything of schema.h must be there word for
 * word, and nothing beside it but what SQLite keeps for itself (sqlite_...). */
#ifndef AUD_SCHEMA_CHECK_H
#define AUD_SCHEMA_CHECK_H

#include <sqlite3.h>
#include <stdbool.h>

#include "message.h"

/* false: msg names the first one that is missing, other, or too much */
bool aud_schema_check(sqlite3 *db, struct aud_message *msg);

#endif
