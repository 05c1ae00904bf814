/* cameras_file - the cameras of a JSON file, served from memory.  See README.md. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "camgate_plugin.h"
#include "parse.h"

/* `current` changes under the lock, `generation` after it: a worker looks at the number
 * with one atomic load and takes the lock only when it moved. */
struct plugin {
  const char *path;
  struct cgp_host *host; /* main's */
  pthread_mutex_t lock;
  struct directory *current;
  atomic_uint generation;
};

/* depth: ops that are answering right now; an answer may lead into the next op, and the
 * directory that the outer one points into stays until it is back. */
struct worker {
  struct plugin *self;
  struct cgp_host *host;
  struct directory *seen;
  unsigned generation, depth;
};

static struct directory *load(const char *path, char *err, size_t err_size) {
  int n = snprintf(err, err_size, "%s: ", path);
  if (n < 0 || (size_t)n >= err_size) n = 0;
  return parse_file(path, err + n, err_size - (size_t)n);
}

static int init(struct cgp_host *h, void **ret_self, char *err, size_t err_size) {
  struct plugin *p = calloc(1, sizeof *p);
  if (!p) {
    snprintf(err, err_size, "out of memory");
    return -1;
  }
  p->host = h;
  p->path = h->conf_string(h, "path");
  p->current = p->path ? load(p->path, err, err_size) : NULL;
  if (!p->current) {
    if (!p->path)
      snprintf(err, err_size, "option path: the cameras' JSON file is needed");
    free(p);
    return -1;
  }
  pthread_mutex_init(&p->lock, NULL);
  atomic_init(&p->generation, 1);
  h->log(h, CGP_INFO, "%zu cameras from %s", p->current->n, p->path);
  *ret_self = p;
  return 0;
}

static void fini(void *self) {
  struct plugin *p = self;
  if (!p) return;
  directory_unref(p->current);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

static void tell_change(void *arg, enum cgp_change change, const char *id) {
  struct cgp_host *h = arg;
  h->cameras_changed(h, &CGP_MAKE(cgp_camera_change, change, id), 1);
}

static int reload(void *self, char *err, size_t err_size) {
  struct plugin *p = self;
  struct directory *next = load(p->path, err, err_size);
  if (!next) return -1;
  directory_compare(p->current, next, tell_change, p->host);
  pthread_mutex_lock(&p->lock);
  struct directory *old = p->current;
  p->current = next;
  atomic_fetch_add_explicit(&p->generation, 1, memory_order_release);
  pthread_mutex_unlock(&p->lock);
  directory_unref(old);
  return 0;
}

static void refresh(struct worker *w) {
  struct plugin *p = w->self;
  struct directory *old = w->seen;
  pthread_mutex_lock(&p->lock);
  w->seen = directory_ref(p->current);
  w->generation = atomic_load_explicit(&p->generation, memory_order_relaxed);
  pthread_mutex_unlock(&p->lock);
  directory_unref(old);
}

static struct directory *enter(struct worker *w) {
  unsigned now = atomic_load_explicit(&w->self->generation, memory_order_acquire);
  if (w->depth++ == 0 && now != w->generation) refresh(w);
  return w->seen;
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err,
                 size_t err_size) {
  struct worker *w = calloc(1, sizeof *w);
  if (!w) {
    snprintf(err, err_size, "out of memory");
    return -1;
  }
  w->self = self;
  w->host = h;
  refresh(w);
  *ret_w = w;
  return 0;
}

static void stop(void *worker) {
  struct worker *w = worker;
  if (!w) return;
  directory_unref(w->seen);
  free(w);
}

static void get(void *worker, const char *id, struct cgp_call call) {
  struct worker *w = worker;
  const struct cgp_camera *cam = directory_find(enter(w), id);
  if (cam) {
    w->host->done(w->host, call, cam);
  } else {
    w->host->fail(w->host, call, CGP_E_NOTFOUND, "no camera of that id");
  }
  w->depth--;
}

static void list(void *worker, struct cgp_call call) {
  struct worker *w = worker;
  const struct directory *d = enter(w);
  const struct cgp_camera_list all = CGP_INIT(cgp_camera_list, d->sorted, d->n);
  w->host->done(w->host, call, &all);
  w->depth--;
}

static void health(void *worker, struct cgp_call call) {
  struct worker *w = worker;
  char text[64];
  snprintf(text, sizeof text, "%zu cameras", enter(w)->n);
  w->host->done(w->host, call, &CGP_MAKE(cgp_health, .ok = true, .text = text));
  w->depth--;
}

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, "path", CGP_OPT_PATH, 0, 0, NULL, "JSON file with the cameras."),
};

static const struct cgp_cameras_ops ops = CGP_INIT(cgp_cameras_ops, get, list);

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "cameras_file",
    .version = CAMGATE_VERSION,
    .summary = "Cameras from a JSON file, reloaded whole or not at all.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .init = init,
    .fini = fini,
    .start = start,
    .stop = stop,
    .reload = reload,
    .health = health,
    .cameras = &ops,
};
