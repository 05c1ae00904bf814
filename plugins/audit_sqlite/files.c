#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define HEAD_FORMAT "camgate audit head %020lld %s\n"
#define HEAD_PREFIX "camgate audit head "
#define HEAD_LEN    (19 + 20 + 1 + 2 * AUD_HASH_LEN + 1)

static char *with_suffix(const char *path, const char *suffix) {
  char *name = NULL;
  return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

bool aud_files_init(struct aud_files *p, const char *path, const char *vfs,
                    struct aud_message *msg) {
  *p = (struct aud_files){.lock_fd = -1, .head_fd = -1};
  p->vfs = vfs && *vfs ? vfs : NULL;
  p->db = with_suffix(path, "");
  p->wal = with_suffix(path, "-wal");
  p->head = with_suffix(path, ".head");
  p->lock = with_suffix(path, ".lock");
  if (p->db && p->wal && p->head && p->lock) return true;
  return aud_say(msg, "out of memory");
}

void aud_files_free(struct aud_files *p) {
  if (p->head_fd >= 0) (void)close(p->head_fd);
  if (p->lock_fd >= 0) (void)close(p->lock_fd);
  free(p->db);
  free(p->wal);
  free(p->head);
  free(p->lock);
}

static bool take_lock(struct aud_files *p, struct aud_message *msg) {
  p->lock_fd = open(p->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (p->lock_fd < 0) return aud_say(msg, "%s: %s", p->lock, strerror(errno));
  char who[32] = "";
  if (flock(p->lock_fd, LOCK_EX | LOCK_NB) != 0) {
    ssize_t n = pread(p->lock_fd, who, sizeof who - 1, 0);
    if (n > 0) who[strcspn(who, "\n")] = '\0';
    return aud_say(msg, "%s is written by another process (%s): one gate, one trail",
                   p->db, *who ? who : "unknown");
  }
  int n = snprintf(who, sizeof who, "pid %ld\n", (long)getpid());
  if (ftruncate(p->lock_fd, 0) != 0 || pwrite(p->lock_fd, who, (size_t)n, 0) != n)
    return aud_say(msg, "%s: %s", p->lock, strerror(errno));
  return true;
}

bool aud_files_new(const struct aud_files *p, bool *ret_new, struct aud_message *msg) {
  struct stat st;
  *ret_new = stat(p->db, &st) != 0;
  if (!*ret_new) return true;
  struct aud_head head;
  if (errno != ENOENT) return aud_say(msg, "%s: %s", p->db, strerror(errno));
  if (lstat(p->db, &st) == 0)
    return aud_say(msg, "%s is a link that leads nowhere", p->db);
  if (!aud_head_read(p, &head, msg)) return false;
  return head.seq == 0 ||
         aud_say(msg,
                 "%s is gone, and %s tells of %lld rows: put it back, or move the head "
                 "away to begin a new trail",
                 p->db, p->head, (long long)head.seq);
}

static bool make_db(struct aud_files *p, struct aud_message *msg) {
  bool new;
  if (!aud_files_new(p, &new, msg)) return false;
  if (!new) return true;
  int fd = open(p->db, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return aud_say(msg, "%s: %s", p->db, strerror(errno));
  (void)close(fd);
  return true;
}

static bool open_head(struct aud_files *p) {
  if (p->head_fd < 0) p->head_fd = open(p->head, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  return p->head_fd >= 0;
}

/* The head has its full length from the start, so that every later write changes one
 * sector, and nothing else of the file. */
static bool make_head(struct aud_files *p, struct aud_message *msg) {
  static const struct aud_head none;
  struct stat st;
  if (open_head(p) && fstat(p->head_fd, &st) == 0 &&
      (st.st_size > 0 || aud_head_sync(p, &none)))
    return true;
  return aud_say(msg, "%s: %s", p->head, strerror(errno));
}

bool aud_files_claim(struct aud_files *p, struct aud_message *msg) {
  return take_lock(p, msg) && make_db(p, msg) && make_head(p, msg);
}

/* The times are not asked for: a file whose times somebody saw gets new ones at the next
 * write, and then each sync has to write its inode, too. */
bool aud_ident_take(const char *path, struct aud_ident *ret, struct aud_message *msg) {
  struct statx st;
  if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_SIZE, &st) != 0)
    return aud_say(msg, "%s: %s", path, strerror(errno));
  *ret = (struct aud_ident){makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino,
                            (off_t)st.stx_size};
  return true;
}

bool aud_ident_check(const char *path, struct aud_ident *known, struct aud_message *msg) {
  struct aud_ident now;
  if (!aud_ident_take(path, &now, msg)) return false;
  if (now.dev != known->dev || now.ino != known->ino)
    return aud_say(msg, "%s was replaced by another file", path);
  if (now.size < known->size)
    return aud_say(msg, "%s was cut from %lld to %lld bytes", path,
                   (long long)known->size, (long long)now.size);
  known->size = now.size;
  return true;
}

bool aud_head_read(const struct aud_files *p, struct aud_head *ret,
                   struct aud_message *msg) {
  char line[HEAD_LEN + 1] = "";
  *ret = (struct aud_head){0};
  int fd = open(p->head, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return true;
  if (fd < 0) return aud_say(msg, "%s: %s", p->head, strerror(errno));
  ssize_t n = read(fd, line, HEAD_LEN);
  (void)close(fd);
  if (n == 0) return true;
  char *end = line;
  const char *number = line + strlen(HEAD_PREFIX);
  bool good = n == HEAD_LEN && memcmp(line, HEAD_PREFIX, strlen(HEAD_PREFIX)) == 0;
  if (good) ret->seq = strtoll(number, &end, 10);
  if (good && end == number + 20 && *end == ' ' && ret->seq >= 0 &&
      aud_unhex(end + 1, ret->hash))
    return true;
  return aud_say(msg, "%s is not a head that the gate wrote", p->head);
}

bool aud_head_write(struct aud_files *p, const struct aud_head *head) {
  char hex[2 * AUD_HASH_LEN + 1], line[HEAD_LEN + 1];
  if (!open_head(p)) return false;
  aud_hex(head->hash, hex);
  (void)snprintf(line, sizeof line, HEAD_FORMAT, (long long)head->seq, hex);
  return pwrite(p->head_fd, line, HEAD_LEN, 0) == HEAD_LEN;
}

bool aud_head_sync(struct aud_files *p, const struct aud_head *head) {
  struct stat here, there;
  bool ours = p->head_fd >= 0 && fstat(p->head_fd, &here) == 0 &&
              stat(p->head, &there) == 0 && here.st_ino == there.st_ino &&
              here.st_dev == there.st_dev;
  if (!ours && p->head_fd >= 0) {
    (void)close(p->head_fd);
    p->head_fd = -1;
  }
  return aud_head_write(p, head) && fdatasync(p->head_fd) == 0;
}
