#include "conf/conf_path.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

#define FILE_BYTES_MAX ((size_t)256 << 10)
#define SECRET_BYTES   32

const char *cg_conf_path(const char *dir, const char *path, struct cg_arena *arena) {
  const char *whole = path[0] == '/' ? cg_arena_strdup(arena, path)
                                     : cg_arena_printf(arena, "%s/%s", dir, path);
  CG_CHECK(whole);
  return whole;
}

const char *cg_conf_first(const char *dir, const char *const *candidates,
                          struct cg_arena *arena) {
  const char *path = NULL;
  for (; *candidates; candidates++) {
    glob_t found;
    path = cg_conf_path(dir, *candidates, arena);
    int failed = glob(path, 0, NULL, &found);
    if (!failed) path = cg_conf_path(dir, found.gl_pathv[0], arena);
    globfree(&found);
    if (!failed) return path;
  }
  return path;
}

static char *read_all(int fd, struct cg_arena *arena, size_t *ret_n) {
  struct stat st;
  if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (size_t)st.st_size > FILE_BYTES_MAX)
    return NULL;
  char *text = cg_arena_alloc(arena, (size_t)st.st_size + 1);
  if (!text) return NULL;
  size_t n = 0;
  ssize_t got = 1;
  while (n < (size_t)st.st_size && got > 0) {
    got = read(fd, text + n, (size_t)st.st_size - n);
    if (got > 0) n += (size_t)got;
  }
  text[n] = 0;
  *ret_n = n;
  return text;
}

char *cg_conf_slurp(const char *path, struct cg_arena *arena, size_t *ret_n,
                    const char **ret_words) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    *ret_words = cg_arena_strdup(arena, strerror(errno));
    return NULL;
  }
  char *text = read_all(fd, arena, ret_n);
  close(fd);
  if (!text) *ret_words = "not a regular file of at most 256 KiB, or no memory for it";
  return text;
}

const char *cg_conf_binary_dir(struct cg_arena *arena) {
  char path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n < 0) n = 0;
  path[n] = 0;
  char *slash = strrchr(path, '/');
  if (slash) *slash = 0;
  const char *dir = cg_arena_strdup(arena, slash && path[0] ? path : ".");
  CG_CHECK(dir);
  return dir;
}

bool cg_conf_make_dir(const char *path, struct cg_err *err) {
  char part[PATH_MAX];
  if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
    return cg_fail(err, CG_E_INVALID, "the path is too long");
  for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = 0;
    mkdir(part, 0755);
    *slash = '/';
  }
  struct stat st;
  if (mkdir(part, 0700) && errno != EEXIST)
    return cg_fail(err, CG_E_INVALID, "%s: %s", path, strerror(errno));
  if (stat(part, &st) || !S_ISDIR(st.st_mode))
    return cg_fail(err, CG_E_INVALID, "%s is not a folder", path);
  if (access(part, R_OK | W_OK | X_OK))
    return cg_fail(err, CG_E_INVALID, "%s: %s", path, strerror(errno));
  return true;
}

/* ---- the development secret ---- */

static bool write_secret(int fd) {
  unsigned char bytes[SECRET_BYTES];
  char text[2 * SECRET_BYTES + 2];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) return false;
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  text[2 * SECRET_BYTES] = '\n';
  bool ok = write(fd, text, 2 * SECRET_BYTES + 1) == 2 * SECRET_BYTES + 1 && !fsync(fd);
  explicit_bzero(bytes, sizeof bytes);
  explicit_bzero(text, sizeof text);
  return ok;
}

/* Written aside and linked whole: whoever comes second finds the first one's. */
static bool make_secret(const char *path, struct cg_err *err) {
  char aside[PATH_MAX];
  snprintf(aside, sizeof aside, "%s.%d", path, (int)getpid());
  int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return cg_fail(err, CG_E_INVALID, "%s: %s", aside, strerror(errno));
  bool ok = write_secret(fd);
  close(fd);
  if (ok && link(aside, path) && errno != EEXIST) ok = false;
  int why = errno;
  unlink(aside);
  return ok || cg_fail(err, CG_E_INVALID, "%s: %s", path, strerror(why));
}

bool cg_conf_could_make_dir(const char *path, struct cg_err *err) {
  char part[PATH_MAX];
  struct stat st;
  if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
    return cg_fail(err, CG_E_INVALID, "the path is too long");
  for (char *slash; lstat(part, &st) && (slash = strrchr(part, '/')) > part; *slash = 0)
    if (strlen(slash + 1) > NAME_MAX)
      return cg_fail(err, CG_E_INVALID, "%s: %s", path, strerror(ENAMETOOLONG));
  if (stat(part, &st) || !S_ISDIR(st.st_mode))
    return cg_fail(err, CG_E_INVALID, "%s is not a folder", part);
  return !access(part, R_OK | W_OK | X_OK) ||
         cg_fail(err, CG_E_INVALID, "%s: %s", part, strerror(errno));
}

const char *cg_conf_dev_secret(const char *state_dir, bool make, struct cg_arena *arena,
                               struct cg_err *err) {
  struct stat st;
  const char *path = cg_conf_path(state_dir, "jwt.secret", arena), *words = NULL;
  bool absent = stat(path, &st) != 0;
  if (absent && !lstat(path, &st)) {
    cg_fail(err, CG_E_INVALID, "%s is a link that leads nowhere", path);
    return NULL;
  }
  if (absent && !make) {
    cg_fail(err, CG_E_NOT_FOUND, "the gate has not made %s yet", path);
    return NULL;
  }
  if (absent && !make_secret(path, err)) return NULL;
  if (stat(path, &st) || (st.st_mode & 077)) {
    cg_fail(err, CG_E_INVALID, "%s must be readable by its owner alone", path);
    return NULL;
  }
  size_t n;
  char *text = cg_conf_slurp(path, arena, &n, &words);
  if (!text) {
    cg_fail(err, CG_E_INVALID, "%s: %s", path, words);
    return NULL;
  }
  text[strcspn(text, "\r\n")] = 0;
  return text;
}
