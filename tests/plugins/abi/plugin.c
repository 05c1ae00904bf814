/* A plugin as its author built it against a released minor: its header is in the folder
 * of that minor. */
#include <stdio.h>
#include <string.h>

#include "camgate_plugin.h"

static int init(struct cgp_host *h, void **ret_self, char *err, size_t n) {
  (void)ret_self;
  const char *word = h->conf_string(h, "word");
  if (word && !strcmp(word, "hello") && h->conf_int(h, "n") == 7) return 0;
  snprintf(err, n, "its options are not as it declared them");
  return -1;
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err, size_t n) {
  (void)self, (void)err, (void)n;
  *ret_w = h;
  return 0;
}

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  static const char *const urls[] = {"stun:a"};
  const struct cgp_ice_server servers[] = {
      CGP_INIT(cgp_ice_server, .urls = urls, .n_urls = 1, .ttl_s = req->ttl_s),
      CGP_INIT(cgp_ice_server, .urls = urls, .n_urls = 1, .ttl_s = req->ttl_s + 1)};
  h->done(h, call, &CGP_MAKE(cgp_ice_servers, servers, 2));
}

static void answer(void *w, const struct cgp_http_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  static const struct cgp_header headers[] = {CGP_INIT(cgp_header, "X-A", "1"),
                                              CGP_INIT(cgp_header, "X-B", "2")};
  h->done(h, call,
          &CGP_MAKE(cgp_http_reply, 200, "text/plain", req->path, strlen(req->path),
                    headers, 2));
}

static void health(void *w, struct cgp_call call) {
  struct cgp_host *h = w;
  h->done(h, call, &CGP_MAKE(cgp_health, .ok = true, .text = "as old as ever"));
}

static const char *version(void) {
  return "1.2.3";
}

static const struct cgp_ice_ops ice = CGP_INIT(cgp_ice_ops, issue);
static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, "word", CGP_OPT_STRING, 1, 9, "hello", "A word."),
    CGP_INIT(cgp_option, "n", CGP_OPT_INT, 1, 9, "7", "A number.")};
static const struct cgp_route routes[] = {CGP_INIT(cgp_route, "GET", "/abi", answer),
                                          CGP_INIT(cgp_route, "GET", "/abi/*", answer)};
static const struct cgp_library libraries[] = {CGP_INIT(cgp_library, "a", version),
                                               CGP_INIT(cgp_library, "b", version)};

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = ABI_NAME,
    .version = "0",
    .summary = "Built against a released minor.",
    .options = options,
    .n_options = 2,
    .init = init,
    .start = start,
    .health = health,
    .ice = &ice,
    .routes = routes,
    .n_routes = 2,
    .libraries = libraries,
    .n_libraries = 2,
};
