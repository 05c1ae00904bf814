#include "renew.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PIECE 65536

static int renew_piece(sqlite3_file *f, sqlite3_int64 at, sqlite3_int64 size,
                       void *piece) {
  int n = size - at < PIECE ? (int)(size - at) : PIECE;
  int rc = f->pMethods->xRead(f, piece, n, at);
  return rc == SQLITE_OK ? f->pMethods->xWrite(f, piece, n, at) : rc;
}

static int renew(sqlite3_file *f) {
  sqlite3_int64 size = 0;
  void *piece = malloc(PIECE);
  int rc = piece ? f->pMethods->xFileSize(f, &size) : SQLITE_NOMEM;
  for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += PIECE)
    rc = renew_piece(f, at, size, piece);
  if (rc == SQLITE_OK && size > 0) rc = f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
  free(piece);
  return rc;
}

static int open_and_renew(sqlite3_vfs *vfs, const char *path) {
  int got = 0;
  sqlite3_file *f = calloc(1, (size_t)vfs->szOsFile);
  if (!f) return SQLITE_NOMEM;
  int rc = vfs->xOpen(vfs, path, f, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, &got);
  if (rc == SQLITE_OK) rc = got & SQLITE_OPEN_READONLY ? SQLITE_READONLY : renew(f);
  if (f->pMethods) (void)f->pMethods->xClose(f);
  free(f);
  return rc;
}

bool aud_renew_log(const struct aud_files *p, struct aud_message *msg) {
  struct stat st;
  if (stat(p->wal, &st) != 0 || st.st_size == 0) return true;
  sqlite3_vfs *vfs = sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(p->vfs) : NULL;
  if (!vfs) return aud_say(msg, "there is no SQLite VFS \"%s\"", p->vfs ? p->vfs : "");
  int rc = open_and_renew(vfs, p->wal);
  if (rc == SQLITE_OK) return true;
  return aud_say(msg, "%s: %s while its log was written anew", p->wal,
                 sqlite3_errstr(rc));
}
