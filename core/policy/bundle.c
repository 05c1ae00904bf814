#include "policy/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/check.h"
#include "base/meant.h"
#include "base/mem.h"

#define FILE_MAX (256u << 10)
#define ALL_MAX  (4u << 20)
#define NAME_OF  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

struct owned {
  struct cg_bundle pub; /* first: the public pointer is this one's */
  atomic_uint refs;
  struct cg_bundle_file files[CG_RULES_MAX];
  size_t n, bytes;
};

static struct owned *owner(const struct cg_bundle *b) {
  return (struct owned *)(uintptr_t)b;
}

const struct cg_bundle *cg_bundle_ref(const struct cg_bundle *b) {
  atomic_fetch_add(&owner(b)->refs, 1);
  return b;
}

void cg_bundle_unref(const struct cg_bundle *b) {
  if (!b || atomic_fetch_sub(&owner(b)->refs, 1) != 1) return;
  struct owned *o = owner(b);
  for (size_t i = 0; i < o->n; i++) {
    cg_free((void *)(uintptr_t)o->files[i].name);
    cg_free((void *)(uintptr_t)o->files[i].text);
  }
  cg_free(o);
}

bool cg_bundle_takes(const char *name) {
  size_t n = strspn(name, NAME_OF);
  return n > 0 && n <= 128 && strcmp(name + n, ".lua") == 0;
}

/* Reads at most size bytes; the number read, or -1. */
static ssize_t read_whole(int fd, char *to, size_t size) {
  size_t at = 0;
  while (at < size) {
    ssize_t n = read(fd, to + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    at += (size_t)n;
  }
  return (ssize_t)at;
}

static char *read_text(int fd, const char *name, size_t *ret_len, struct cg_err *err) {
  struct stat st;
  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
    cg_fail(err, CG_E_INVALID, "%s: not a regular file", name);
    return NULL;
  }
  if (st.st_size > FILE_MAX) {
    cg_fail(err, CG_E_INVALID, "%s: larger than %u KiB", name, FILE_MAX >> 10);
    return NULL;
  }
  char *text = cg_alloc((size_t)st.st_size + 1);
  if (!text) {
    cg_fail(err, CG_E_MEMORY, "%s: no memory", name);
    return NULL;
  }
  ssize_t n = read_whole(fd, text, (size_t)st.st_size);
  if (n != st.st_size) {
    cg_fail(err, CG_E_INVALID, "%s: %s", name,
            n < 0 ? strerror(errno) : "changed while read");
    cg_free(text);
    return NULL;
  }
  *ret_len = (size_t)n;
  return text;
}

static bool add_file(struct owned *o, int dir, const char *prefix, const char *base,
                     struct cg_err *err) {
  char name[272]; /* "lib/" and NAME_MAX */
  snprintf(name, sizeof(name), "%s%s", prefix, base);
  if (o->n == CG_RULES_MAX)
    return cg_fail(err, CG_E_INVALID, "%s: more than %d policy files", name,
                   CG_RULES_MAX);
  int fd = openat(dir, base, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return cg_fail(err, CG_E_INVALID, "%s: %s", name, strerror(errno));
  struct cg_bundle_file *f = &o->files[o->n];
  f->text = read_text(fd, name, &f->len, err);
  close(fd);
  if (!f->text) return false;
  o->n++;
  f->name = cg_strdup(name);
  if (!f->name) return cg_fail(err, CG_E_MEMORY, "%s: no memory", name);
  const char *mark = cg_file_mark(f->text, f->len);
  if (mark) return cg_fail(err, CG_E_INVALID, "%s: %s", name, mark);
  o->bytes += f->len;
  if (o->bytes > ALL_MAX)
    return cg_fail(err, CG_E_INVALID, "%s: the folder holds more than %u MiB of policies",
                   name, ALL_MAX >> 20);
  return true;
}

static bool add_folder(struct owned *o, int dir, const char *prefix, struct cg_err *err) {
  DIR *d = fdopendir(dir);
  if (!d) {
    close(dir);
    return cg_fail(err, CG_E_INVALID, "%s: %s", prefix, strerror(errno));
  }
  bool good = true;
  struct dirent *entry;
  while (good && (entry = readdir(d)))
    if (cg_bundle_takes(entry->d_name))
      good = add_file(o, dirfd(d), prefix, entry->d_name, err);
  closedir(d);
  return good;
}

static int by_name(const void *a, const void *b) {
  const struct cg_bundle_file *x = a, *y = b;
  return strcmp(x->name, y->name);
}

static bool is_lib(const struct cg_bundle_file *f) {
  return strncmp(f->name, "lib/", 4) == 0;
}

static int libs_last(const void *a, const void *b) {
  int lib = is_lib(a) - is_lib(b);
  return lib ? lib : by_name(a, b);
}

/* Each file as name, NUL, length (8 bytes, big endian), text. */
static bool hash_files(struct owned *o, struct cg_err *err) {
  unsigned char sum[32];
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
  for (size_t i = 0; good && i < o->n; i++) {
    const struct cg_bundle_file *f = &o->files[i];
    unsigned char len[8];
    for (int b = 0; b < 8; b++)
      len[b] = (unsigned char)((uint64_t)f->len >> (56 - 8 * b));
    good = EVP_DigestUpdate(md, f->name, strlen(f->name) + 1) == 1 &&
           EVP_DigestUpdate(md, len, sizeof(len)) == 1 &&
           EVP_DigestUpdate(md, f->text, f->len) == 1;
  }
  good = good && EVP_DigestFinal_ex(md, sum, NULL) == 1;
  EVP_MD_CTX_free(md);
  if (!good) return cg_fail(err, CG_E_MEMORY, "policies: cannot hash");
  for (size_t i = 0; i < sizeof(sum); i++)
    snprintf(o->pub.revision + 2 * i, 3, "%02x", sum[i]);
  return true;
}

static bool read_all(struct owned *o, const char *dir, struct cg_err *err) {
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return cg_fail(err, CG_E_INVALID, "%s: %s", dir, strerror(errno));
  int lib = openat(fd, "lib", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int lib_errno = errno;
  if (!add_folder(o, fd, "", err)) {
    if (lib >= 0) close(lib);
    return false;
  }
  if (lib >= 0) return add_folder(o, lib, "lib/", err);
  if (lib_errno == ENOENT || lib_errno == ENOTDIR) return true;
  return cg_fail(err, CG_E_INVALID, "%s/lib: %s", dir, strerror(lib_errno));
}

const struct cg_bundle *cg_bundle_read(const char *dir, struct cg_err *err) {
  struct owned *o = cg_alloc(sizeof(*o));
  if (!o) {
    cg_fail(err, CG_E_MEMORY, "policies: no memory");
    return NULL;
  }
  atomic_init(&o->refs, 1);
  bool good = read_all(o, dir, err);
  if (good) {
    qsort(o->files, o->n, sizeof(o->files[0]), by_name);
    good = hash_files(o, err);
  }
  if (!good) {
    cg_bundle_unref(&o->pub);
    return NULL;
  }
  qsort(o->files, o->n, sizeof(o->files[0]), libs_last);
  o->pub.policies = o->files;
  while (o->pub.n_policies < o->n && !is_lib(&o->files[o->pub.n_policies]))
    o->pub.n_policies++;
  o->pub.libs = o->files + o->pub.n_policies;
  o->pub.n_libs = o->n - o->pub.n_policies;
  return &o->pub;
}

const struct cg_bundle *cg_bundle_read_some(const char *dir, struct cg_err *err) {
  const struct cg_bundle *b = cg_bundle_read(dir, err);
  if (!b || b->n_policies) return b;
  cg_bundle_unref(b);
  cg_fail(err, CG_E_INVALID, "%s: there is no policy (*.lua) in it", dir);
  return NULL;
}
