#include "schema_check.h"

#include <string.h>

#include "schema.h"

#define OBJECTS                                                                          \
  "SELECT name, type, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE "   \
  "'\\' ORDER BY name"

struct objects {
  sqlite3_stmt *st;
  bool more;
  const char *name, *type, *sql; /* "" behind the last */
};

static const char *text_of(const struct objects *o, int column) {
  const unsigned char *text = o->more ? sqlite3_column_text(o->st, column) : NULL;
  return text ? (const char *)text : "";
}

static bool objects_of(sqlite3 *db, struct objects *o) {
  return sqlite3_prepare_v2(db, OBJECTS, -1, &o->st, NULL) == SQLITE_OK;
}

static void step(struct objects *o) {
  o->more = sqlite3_step(o->st) == SQLITE_ROW;
  o->name = text_of(o, 0);
  o->type = text_of(o, 1);
  o->sql = text_of(o, 2);
}

static bool compare(const struct objects *is, const struct objects *own,
                    struct aud_message *msg) {
  int order = strcmp(is->name, own->name);
  if (is->more && (!own->more || order < 0))
    return aud_say(msg, "%s %s is not the gate's", is->type, is->name);
  if (own->more && (!is->more || order > 0))
    return aud_say(msg, "%s %s is gone", own->type, own->name);
  return strcmp(is->sql, own->sql) == 0 ||
         aud_say(msg, "%s %s was altered", is->type, is->name);
}

static bool same(sqlite3 *db, sqlite3 *model, struct aud_message *msg) {
  struct objects is = {0}, own = {0};
  bool ok = (objects_of(db, &is) && objects_of(model, &own)) ||
            aud_say(msg, "the schema cannot be read: %s", sqlite3_errmsg(db));
  for (is.more = ok; ok && (is.more || own.more);) {
    step(&is);
    step(&own);
    ok = compare(&is, &own, msg);
  }
  (void)sqlite3_finalize(is.st);
  (void)sqlite3_finalize(own.st);
  return ok;
}

/* 0: it is none that this gate knows. */
static int version_of(sqlite3 *db) {
  sqlite3_stmt *st = NULL;
  int version = 0;
  if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK &&
      sqlite3_step(st) == SQLITE_ROW)
    version = sqlite3_column_int(st, 0);
  (void)sqlite3_finalize(st);
  return version >= AUD_SCHEMA_FIRST && version <= AUD_SCHEMA_VERSION ? version : 0;
}

bool aud_schema_check(sqlite3 *db, struct aud_message *msg) {
  sqlite3 *model = NULL;
  int version = version_of(db);
  if (!version) return aud_say(msg, "it has a schema version that is not the gate's");
  char *sql = aud_schema_sql(version);
  bool ok = sql && sqlite3_open(":memory:", &model) == SQLITE_OK &&
            sqlite3_exec(model, sql, NULL, NULL, NULL) == SQLITE_OK;
  ok = ok ? same(db, model, msg) : aud_say(msg, "no memory to compare the schema");
  (void)sqlite3_close(model);
  sqlite3_free(sql);
  return ok;
}
