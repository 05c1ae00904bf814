/* skeleton.c - the smallest complete plugin: one STUN server for every viewer.
 *
 * It serves the kind `ice`.  Copy the folder, rename file, folder and .name alike, and
 * change what issue() answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "camgate_plugin.h"

/* Made once by init, read by every worker, never changed. */
struct skeleton {
  const char *url;
  uint32_t ttl_s;
};

/* One per worker: what its ops need. */
struct worker {
  struct cgp_host *host;
  const struct skeleton *self;
};

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, "url", CGP_OPT_STRING, 1, 256, "stun:127.0.0.1:3478",
             "STUN server for viewers."),
    CGP_INIT(cgp_option, "ttl_s", CGP_OPT_INT, 60, 86400, "3600",
             "How long viewers may keep the answer."),
};

static int init(struct cgp_host *h, void **ret_self, char *err, size_t err_size) {
  const char *url = h->conf_string(h, "url");
  if (strncmp(url, "stun:", 5)) {
    snprintf(err, err_size, "url must begin with stun:, is %s", url);
    return -1;
  }
  struct skeleton *self = calloc(1, sizeof *self);
  if (!self) {
    snprintf(err, err_size, "out of memory");
    return -1;
  }
  self->url = url; /* options live as long as the process */
  self->ttl_s = (uint32_t)h->conf_int(h, "ttl_s");
  *ret_self = self;
  return 0;
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err,
                 size_t err_size) {
  struct worker *w = calloc(1, sizeof *w);
  if (!w) {
    snprintf(err, err_size, "out of memory");
    return -1;
  }
  *w = (struct worker){h, self};
  *ret_w = w;
  return 0;
}

static void issue(void *arg, const struct cgp_ice_request *req, struct cgp_call call) {
  struct worker *w = arg;
  (void)req; /* STUN knows no users: who asks makes no difference */
  const char *const urls[] = {w->self->url};
  const struct cgp_ice_server server = {
      .size = sizeof server, .urls = urls, .n_urls = 1, .ttl_s = w->self->ttl_s};
  w->host->done(w->host, call, &CGP_MAKE(cgp_ice_servers, &server, 1));
}

static void health(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  w->host->done(w->host, call,
                &CGP_MAKE(cgp_health, .ok = true, .text = "nothing to reach"));
}

static void stop(void *w) {
  free(w);
}

static void fini(void *self) {
  free(self);
}

static const struct cgp_ice_ops ice = {.size = sizeof ice, .issue = issue};

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "skeleton",
    .version = "1.0",
    .summary = "One STUN server for every viewer.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .init = init,
    .start = start,
    .stop = stop,
    .fini = fini,
    .health = health,
    .ice = &ice,
};
