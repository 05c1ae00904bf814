#include "look.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql.h"
#include "store.h"
#include "verify.h"

/* Could the lock be opened, or made? */
static bool lockable(const struct aud_files *files, struct aud_message *msg) {
  struct stat st;
  char *folder = strdup(files->lock);
  if (!folder) return aud_say(msg, "out of memory");
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = '\0';
  bool there = stat(files->lock, &st) == 0;
  bool ok = there ? access(files->lock, R_OK | W_OK) == 0
                  : access(slash ? folder : ".", W_OK | X_OK) == 0;
  if (there && S_ISDIR(st.st_mode)) {
    errno = EISDIR;
    ok = false;
  }
  if (!ok) (void)aud_say(msg, "%s: %s", files->lock, strerror(errno));
  free(folder);
  return ok;
}

/* ---- the database ---- */

/* As a URI: what would end the path is escaped. */
static char *uri_of(const char *path, const char *query) {
  size_t size = sizeof "file:" + 3 * strlen(path) + strlen(query), n;
  char *uri = malloc(size);
  if (!uri) return NULL;
  n = (size_t)snprintf(uri, size, "file:");
  for (; *path; path++) {
    if (strchr("?#%", *path))
      n += (size_t)snprintf(uri + n, size - n, "%%%02x", (unsigned char)*path);
    else
      uri[n++] = *path;
  }
  (void)snprintf(uri + n, size - n, "%s", query);
  return uri;
}

/* Without a log the file is whole, and nothing is made beside it (sqlite.org/uri.html,
 * immutable).  A log with its index is read as it is.  One without, as after a power cut,
 * would get an index: nothing can be told then. */
enum log { NO_LOG, INDEXED, NOT_INDEXED };

static enum log log_of(const struct aud_files *files) {
  struct stat log, index;
  char *shm = NULL;
  if (stat(files->wal, &log) != 0 || log.st_size == 0) return NO_LOG;
  if (asprintf(&shm, "%s-shm", files->db) < 0) return NOT_INDEXED;
  bool indexed = stat(shm, &index) == 0 && index.st_size > 0;
  free(shm);
  return indexed ? INDEXED : NOT_INDEXED;
}

static bool open_as_it_is(const struct aud_files *files, enum log log, sqlite3 **ret_db,
                          struct aud_message *msg) {
  bool alone = log == NO_LOG;
  char *uri = uri_of(files->db, alone ? "?immutable=1" : "");
  const int mode = alone ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  bool ok =
      uri && sqlite3_open_v2(uri, ret_db, mode | SQLITE_OPEN_URI, NULL) == SQLITE_OK;
  if (!ok) (void)aud_sql_say(*ret_db, files, "open", msg);
  free(uri);
  if (!ok) return false;
  (void)sqlite3_extended_result_codes(*ret_db, 1);
  (void)sqlite3_busy_timeout(*ret_db, 500);
  (void)sqlite3_db_config(*ret_db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  return aud_sql_run(*ret_db, files, "SELECT count(*) FROM sqlite_schema", msg);
}

static bool end_fits(sqlite3 *db, const struct aud_files *files,
                     const struct aud_head *head, struct aud_message *msg) {
  struct aud_head end;
  struct aud_chain *chain = aud_chain_new(msg);
  bool ok = chain && aud_verify_tail(db, files, chain, head, false, &end, msg);
  aud_chain_free(chain);
  return ok;
}

static bool trail_fits(const struct aud_files *files, struct aud_message *msg) {
  struct aud_head head; /* before the rows, which grow meanwhile */
  sqlite3 *db = NULL;
  enum aud_trail is;
  if (access(files->db, W_OK) != 0 && errno == EACCES)
    return aud_say(msg, "%s is read-only for this process", files->db);
  enum log log = log_of(files);
  if (log == NOT_INDEXED) return true;
  bool ok = aud_head_read(files, &head, msg) && open_as_it_is(files, log, &db, msg) &&
            aud_store_judge(db, files, &is, msg) &&
            (is == AUD_TRAIL_EMPTY || end_fits(db, files, &head, msg));
  (void)sqlite3_close_v2(db);
  return ok;
}

static int why_unusable(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0) return errno == ENOENT ? 0 : errno;
  if (S_ISDIR(st.st_mode)) return EISDIR;
  return access(path, R_OK | W_OK) == 0 ? 0 : errno;
}

/* Head, log and its index, which another user's run may have left. */
static bool beside_usable(const struct aud_files *files, struct aud_message *msg) {
  static const char *const names[] = {".head", "-wal", "-shm"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char *path = NULL;
    if (asprintf(&path, "%s%s", files->db, names[i]) < 0)
      return aud_say(msg, "out of memory");
    int why = why_unusable(path);
    if (why) (void)aud_say(msg, "%s: %s", path, strerror(why));
    free(path);
    if (why) return false;
  }
  return true;
}

bool aud_look(const struct aud_files *files, struct aud_message *msg) {
  bool new;
  if (files->vfs) return true; /* another file system: nothing can be told from here */
  return lockable(files, msg) && beside_usable(files, msg) &&
         aud_files_new(files, &new, msg) && (new || trail_fits(files, msg));
}
