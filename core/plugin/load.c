#include "plugin/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "plugin/host.h"

#define REASON_MAX   256
#define RELOAD_TRIES 3

struct set {
  struct cg_plugins pub; /* first */
  struct cg_plugins_env env;
};

static struct set *set_of(struct cg_plugins *pub) {
  return CG_CONTAINER(pub, struct set, pub);
}

static struct cg_host *main_host(const struct cg_plugin *p) {
  return CG_CONTAINER(p->host, struct cg_host, abi);
}

/* ---- one file ---- */

/* Nobody but root and us may change it. */
static bool ours_alone(const char *path, const struct stat *st, struct cg_err *err) {
  if (st->st_uid != 0 && st->st_uid != geteuid())
    return cg_fail(err, CG_E_INVALID, "%s belongs to user %u, not to root or to us", path,
                   (unsigned)st->st_uid);
  if (st->st_mode & (S_IWGRP | S_IWOTH))
    return cg_fail(err, CG_E_INVALID, "%s may be written to by others (mode %04o)", path,
                   (unsigned)st->st_mode & 07777);
  return true;
}

/* The file behind path, symlinks followed, still inside path's own folder. */
static bool resolve(const char *path, char real[PATH_MAX], struct cg_err *err) {
  char dir[PATH_MAX], real_dir[PATH_MAX];
  const char *slash = strrchr(path, '/');
  int n = slash ? (int)(slash - path) : 1;
  snprintf(dir, sizeof dir, "%.*s", n ? n : 1, slash ? path : ".");
  if (!realpath(dir, real_dir))
    return cg_fail(err, CG_E_NOT_FOUND, "folder %s: %s", dir, strerror(errno));
  if (!realpath(path, real))
    return cg_fail(err, CG_E_NOT_FOUND, "%s: %s", path, strerror(errno));
  size_t len = strlen(real_dir);
  if (strncmp(real, real_dir, len) || real[len] != '/' || strchr(real + len + 1, '/'))
    return cg_fail(err, CG_E_INVALID, "%s leads out of its folder, to %s", path, real);
  struct stat st;
  if (stat(real_dir, &st)) return cg_fail(err, CG_E_INVALID, "%s: stat failed", real_dir);
  return ours_alone(real_dir, &st, err);
}

static bool file_ok(const char *path, char real[PATH_MAX], struct cg_err *err) {
  struct stat st;
  if (!resolve(path, real, err)) return false;
  if (lstat(real, &st))
    return cg_fail(err, CG_E_INVALID, "%s: %s", real, strerror(errno));
  if (!S_ISREG(st.st_mode))
    return cg_fail(err, CG_E_INVALID, "%s is not a regular file", path);
  return ours_alone(path, &st, err);
}

/* Is all there that the loader would map?  It would die of a file that was cut. */
static bool is_whole(int fd) {
  ElfW(Ehdr) head;
  ElfW(Phdr) part;
  struct stat st;
  if (fstat(fd, &st) || pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head)
    return true; /* the loader says why not */
  bool known = !memcmp(head.e_ident, ELFMAG, SELFMAG) && head.e_phentsize == sizeof part;
  uint64_t size = (uint64_t)st.st_size;
  for (unsigned i = 0; known && i < head.e_phnum; i++) {
    off_t at = (off_t)(head.e_phoff + i * sizeof part);
    if (pread(fd, &part, sizeof part, at) != (ssize_t)sizeof part) return false;
    if (part.p_type == PT_LOAD &&
        (part.p_filesz > size || part.p_offset > size - part.p_filesz))
      return false;
  }
  return true;
}

static bool file_whole(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  bool whole = fd < 0 || is_whole(fd);
  if (fd >= 0) close(fd);
  return whole;
}

static bool named_as_file(const char *name, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
  size_t n = strlen(name);
  return !strncmp(base, name, n) && !strcmp(base + n, ".so");
}

static const struct cgp_plugin *refused(struct cg_err *err, const char *path,
                                        const char *why) {
  cg_fail(err, CG_E_INVALID, "%s is refused: %s", path, why);
  return NULL;
}

const struct cgp_plugin *cg_plugin_open(const char *path, struct cg_err *err) {
  char real[PATH_MAX], reason[REASON_MAX];
  if (!file_ok(path, real, err)) return NULL;
  if (!file_whole(real)) return refused(err, path, "the file was cut short");
  void *so = dlopen(real, RTLD_NOW | RTLD_LOCAL); /* never closed */
  if (!so) return refused(err, path, dlerror());
  const struct cgp_plugin *abi = dlsym(so, "camgate_plugin");
  if (!abi) return refused(err, path, "it does not export camgate_plugin");
  const char *why = cg_plugin_refusal(abi, reason, sizeof reason);
  if (why) return refused(err, path, why);
  if (named_as_file(abi->name, path)) return abi;
  snprintf(reason, sizeof reason, "it calls itself \"%s\"", abi->name);
  return refused(err, path, reason);
}

/* ---- the set ---- */

struct loading {
  struct set *set;
  struct cg_arena *arena;
  struct cg_field_errors *errs;
};

static void wrong(struct loading *l, const char *name, const char *text) {
  const char *pointer = cg_arena_printf(l->arena, "/plugins%s%s", *name ? "/" : "", name);
  cg_field_error(l->errs, l->arena, pointer ? pointer : "/plugins", "%s", text);
}

static bool name_ok(const char *name) {
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return n && n < 64 && !name[n];
}

static void add(struct loading *l, const char *name, json_t *given) {
  struct cg_plugin *p = &l->set->pub.items[l->set->pub.n];
  const struct cg_plugins_env *env = &l->set->env;
  char path[PATH_MAX];
  struct cg_err err;
  if (!name_ok(name)) {
    wrong(l, name, "a plugin's name is 1 to 63 of a-z, 0-9 and _");
    return;
  }
  snprintf(path, sizeof path, "%s/%s.so", env->dir, name);
  p->abi = cg_plugin_open(path, &err);
  if (!p->abi) {
    wrong(l, name, err.text);
    return;
  }
  struct cg_options *options =
      cg_options_read(p->abi, given, env->conf_dir, env->log, l->arena, l->errs);
  if (!options) return;
  p->name = p->abi->name;
  p->path = cg_strdup(path);
  struct cg_host *h = cg_host_new(p->name, env, options);
  CG_CHECK(p->path && h);
  h->changes = &l->set->pub.changes;
  p->host = &h->abi;
  l->set->pub.n++;
}

/* Each kind: which plugin serves it. */
#define SERVES(kind)                                                                     \
  { #kind, offsetof(struct cgp_plugin, kind), offsetof(struct cg_plugins, kind) }

static const struct {
  const char *name;
  size_t ops, slot;
} kinds[] = {
    SERVES(cameras), SERVES(quota), SERVES(room), SERVES(ice), SERVES(audit),
};

static bool serves(const struct cg_plugin *p, size_t kind) {
  const void *ops;
  memcpy(&ops, (const char *)p->abi + kinds[kind].ops, sizeof ops);
  return ops;
}

/* The set's pointer to who serves the kind; NULL: nobody. */
static void point(struct cg_plugins *set, size_t kind) {
  const struct cg_plugin *found = NULL;
  for (size_t i = 0; i < set->n && !found; i++)
    if (serves(&set->items[i], kind)) found = &set->items[i];
  memcpy((char *)set + kinds[kind].slot, &found, sizeof found);
}

static void assign(struct loading *l, size_t kind) {
  struct cg_plugins *set = &l->set->pub;
  const struct cg_plugin *found = NULL;
  char text[REASON_MAX];
  for (size_t i = 0; i < set->n; i++) {
    if (!serves(&set->items[i], kind)) continue;
    if (found) {
      snprintf(text, sizeof text,
               "both %s and %s serve the kind %s; configure one of them", found->name,
               set->items[i].name, kinds[kind].name);
      wrong(l, set->items[i].name, text);
    }
    found = &set->items[i];
  }
  point(set, kind);
  if (found || l->set->env.partial) return;
  snprintf(text, sizeof text, "no plugin serves the kind %s", kinds[kind].name);
  wrong(l, "", text);
}

static const char *copy(const char *s) {
  char *c = cg_strdup(s ? s : "");
  CG_CHECK(c);
  return c;
}

static struct set *set_new(const struct cg_plugins_env *env) {
  struct set *s = cg_alloc(sizeof *s);
  CG_CHECK(s);
  s->env = *env;
  s->env.options = NULL;
  s->env.dir = copy(env->dir);
  s->env.conf_dir = copy(env->conf_dir);
  s->env.state_dir = copy(env->state_dir);
  s->env.node = copy(env->node);
  s->pub.items = cg_alloc((json_object_size(env->options) + 1) * sizeof *s->pub.items);
  CG_CHECK(s->pub.items);
  return s;
}

static bool count_failing(const struct set *s, struct cg_metrics *metrics) {
  for (size_t i = 0; i < s->pub.n; i++)
    if (cg_outcome_metric(metrics, s->pub.items[i].name) < 0) return false;
  return true;
}

struct cg_plugins *cg_plugins_load(const struct cg_plugins_env *env,
                                   struct cg_arena *arena, struct cg_field_errors *errs) {
  size_t before = errs->n;
  struct loading l = {set_new(env), arena, errs};
  const char *name;
  json_t *given;
  json_object_foreach(env->options, name, given) add(&l, name, given);
  bool whole = errs->n == before; /* a plugin that was refused may have served a kind */
  for (size_t i = 0; whole && i < CG_COUNT(kinds); i++) assign(&l, i);
  bool counted =
      cg_calls_metrics(env->metrics) && count_failing(l.set, env->metrics) &&
      cg_metric(env->metrics, CG_COUNTER, "plugin_blocked_total", "",
                "Ops of plugins that held a worker for more than 100 ms.") >= 0;
  if (!counted) wrong(&l, "", "no room for the host's metrics");
  if (errs->n == before || env->looking) return &l.set->pub;
  cg_plugins_free(&l.set->pub);
  return NULL;
}

/* ---- init, reload, the end ---- */

static void drop(const char *s) {
  char *p;
  memcpy(&p, &s, sizeof p);
  cg_free(p);
}

static void plugin_drop(struct cg_plugin *p) {
  struct cg_host *h = main_host(p);
  struct cg_options *options;
  memcpy(&options, &h->options, sizeof options);
  cg_options_free(options);
  cg_host_free(h);
  drop(p->path);
}

/* "option url: words" and "url: words" are about the option url; so is "option url is
 * given, ...". */
static void tell_one(struct loading *l, const struct cg_plugin *p, const char *text) {
  const char *word = text + (strncmp(text, "option ", 7) ? 0 : 7);
  size_t n = strcspn(word, ": ");
  char pointer[128];
  bool named = cg_options_has(p->abi, word, n) && (word != text || word[n] == ':');
  if (!named) {
    const char *words = cg_arena_printf(l->arena, "%s does not start: %s", p->name, text);
    wrong(l, p->name, words ? words : text);
    return;
  }
  snprintf(pointer, sizeof pointer, "%s/%.*s", p->name, (int)n, word);
  wrong(l, pointer, word[n] == ':' ? word + n + 1 + strspn(word + n + 1, " ") : text);
}

/* Each line of its own. */
static void tell(struct loading *l, const struct cg_plugin *p, char *text) {
  char *rest = text;
  cg_log_mask(l->set->env.log, text);
  if (!*text) tell_one(l, p, "it gives no reason");
  for (char *line; (line = strsep(&rest, "\n"));)
    if (*line) tell_one(l, p, line);
}

static void init_one(struct loading *l, struct cg_plugin *p) {
  char text[CG_ERR_TEXT_MAX / 2] = "";
  uint64_t failures = cg_mem_failures();
  p->inited = !p->abi->init(p->host, &p->self, text, sizeof text);
  if (!p->inited || cg_mem_failures() != failures) tell(l, p, text);
}

static void check_one(struct loading *l, struct cg_plugin *p) {
  char text[CG_ERR_TEXT_MAX / 2] = "";
  if (p->abi->check(p->host, text, sizeof text)) tell(l, p, text);
}

/* Those that answered by `check` have no more to say. */
static void drop_checked(struct cg_plugins *set) {
  size_t kept = 0;
  for (size_t i = 0; i < set->n; i++) {
    if (cg_plugin_checks(set->items[i].abi))
      plugin_drop(&set->items[i]);
    else
      set->items[kept++] = set->items[i];
  }
  set->n = kept;
  for (size_t i = 0; i < CG_COUNT(kinds); i++) point(set, i);
}

/* First what has no effect outside of the process: when something is refused, nothing is
 * begun. */
bool cg_plugins_init(struct cg_plugins *pub, struct cg_arena *arena,
                     struct cg_field_errors *errs) {
  struct set *s = set_of(pub);
  struct loading l = {s, arena, errs};
  size_t before = errs->n;
  for (size_t i = 0; i < pub->n; i++)
    (cg_plugin_checks(pub->items[i].abi) ? check_one : init_one)(&l, &pub->items[i]);
  if (s->env.looking) drop_checked(pub);
  for (size_t i = 0; !s->env.looking && errs->n == before && i < pub->n; i++)
    if (cg_plugin_checks(pub->items[i].abi)) init_one(&l, &pub->items[i]);
  return errs->n == before;
}

/* A library may go on with what it could not keep whole for want of memory (jansson cuts
 * strings): nothing read meanwhile is trusted, and it is read again. */
static bool reload_one(const struct cg_plugin *p, struct cg_log *log,
                       struct cg_err *err) {
  for (int i = 0; i < RELOAD_TRIES; i++) {
    char text[CG_ERR_TEXT_MAX / 2] = "";
    uint64_t failures = cg_mem_failures();
    bool ok = !p->abi->reload(p->self, text, sizeof text);
    if (cg_mem_failures() != failures) continue;
    if (ok) return true;
    cg_log_mask(log, text);
    return cg_fail(err, CG_E_INVALID, "%s keeps what it had: %s", p->name,
                   text[0] ? text : "it gives no reason");
  }
  return cg_fail(err, CG_E_MEMORY, "%s has no memory to reload: reload again", p->name);
}

bool cg_plugins_reload(struct cg_plugins *pub, struct cg_err *err) {
  pub->changes = (struct cg_camera_changes){0};
  for (size_t i = 0; i < pub->n; i++) {
    const struct cg_plugin *p = &pub->items[i];
    if (p->abi->reload && !reload_one(p, set_of(pub)->env.log, err)) return false;
  }
  return true;
}

void cg_plugins_free(struct cg_plugins *pub) {
  if (!pub) return;
  struct set *s = set_of(pub);
  for (size_t i = pub->n; i--;) {
    const struct cg_plugin *p = &pub->items[i];
    if (p->inited && p->abi->fini) p->abi->fini(p->self);
  }
  while (pub->n) plugin_drop(&pub->items[--pub->n]);
  const char *const texts[] = {s->env.dir, s->env.conf_dir, s->env.state_dir,
                               s->env.node};
  for (size_t i = 0; i < CG_COUNT(texts); i++) drop(texts[i]);
  cg_free(pub->items);
  cg_free(s);
}
