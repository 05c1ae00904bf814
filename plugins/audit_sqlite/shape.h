/* shape.h - are the tables and views still the gate's own?
 *
 * Whoever may write the file can leave every row as it was and have a view say something
 * else, or a trigger take rows away.  So everything of schema.h must be there word for
 * word, and nothing beside it but what SQLite keeps for itself (sqlite_...). */
#ifndef AUD_SHAPE_H
#define AUD_SHAPE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "words.h"

/* false: words name the first one that is missing, other, or too much */
bool aud_shape_check(sqlite3 *db, struct aud_words *words);

#endif
