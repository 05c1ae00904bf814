#include "faulty.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTES_MAX 8

CGP_EXPORT extern struct cgp_plugin camgate_plugin;
struct cgp_plugin camgate_plugin;

/* The real plugin, and its ops with ours in their place. */
static const struct cgp_plugin *real;
static struct cgp_cameras_ops cameras;
static struct cgp_quota_ops quota;
static struct cgp_room_ops room;
static struct cgp_ice_ops ice;
static struct cgp_audit_ops audit;
static struct cgp_route routes[ROUTES_MAX];

/* One op: through to the real one, unless it is spoiled. */
#define THROUGH(kind, op, params, ...)                                                   \
  static void kind##_##op params {                                                       \
    if (faulty_begin(#op, call)) real->kind->op(__VA_ARGS__);                            \
  }

THROUGH(cameras, get, (void *w, const char *id, struct cgp_call call), w, id, call)
THROUGH(cameras, list, (void *w, struct cgp_call call), w, call)
THROUGH(quota, reserve,
        (void *w, const struct cgp_quota_reserve *r, struct cgp_call call), w, r, call)
THROUGH(quota, renew, (void *w, const struct cgp_quota_hold *h, struct cgp_call call), w,
        h, call)
THROUGH(quota, release, (void *w, const char *const *ids, size_t n, struct cgp_call call),
        w, ids, n, call)
THROUGH(quota, usage, (void *w, const char *scope, struct cgp_call call), w, scope, call)
THROUGH(room, ensure, (void *w, const char *name, struct cgp_call call), w, name, call)
THROUGH(room, token,
        (void *w, const struct cgp_room_token_request *r, struct cgp_call call), w, r,
        call)
THROUGH(room, remove,
        (void *w, const char *name, const char *identity, struct cgp_call call), w, name,
        identity, call)
THROUGH(ice, issue, (void *w, const struct cgp_ice_request *r, struct cgp_call call), w,
        r, call)
THROUGH(audit, append,
        (void *w, const struct cgp_audit_row *rows, size_t n, struct cgp_call call), w,
        rows, n, call)
THROUGH(audit, query, (void *w, const struct cgp_audit_filter *f, struct cgp_call call),
        w, f, call)

static int start(void *self, struct cgp_host *h, void **ret_w, char *err, size_t n) {
  faulty_hosts(h);
  return real->start(self, h, ret_w, err, n);
}

/* The main thread's. */
static int reload(void *self, char *err, size_t n) {
  if (faulty_order("reload") == FAULTY_HANG) faulty_stand_still();
  return real->reload(self, err, n);
}

static void put_ops(void) {
  if (real->cameras) {
    cameras = *real->cameras;
    cameras.get = cameras_get;
    cameras.list = cameras_list;
    camgate_plugin.cameras = &cameras;
  }
  if (real->quota) {
    quota = *real->quota;
    quota.reserve = quota_reserve;
    quota.renew = quota_renew;
    quota.release = quota_release;
    quota.usage = quota_usage;
    camgate_plugin.quota = &quota;
  }
  if (real->room) {
    room = *real->room;
    room.ensure = room_ensure;
    room.token = room_token;
    room.remove = room_remove;
    camgate_plugin.room = &room;
  }
  if (real->ice) {
    ice = *real->ice;
    ice.issue = ice_issue;
    camgate_plugin.ice = &ice;
  }
  if (real->audit) {
    audit = *real->audit;
    audit.append = audit_append;
    audit.query = audit_query;
    camgate_plugin.audit = &audit;
  }
}

static void put_routes(void) {
  size_t n = real->n_routes;
  if (n + 2 > ROUTES_MAX) abort();
  if (n > 0) memcpy(routes, real->routes, n * sizeof *routes);
  routes[n] = CGP_MAKE(cgp_route, "POST", "/fault/" FAULTY_NAME, faulty_route);
  routes[n + 1] = CGP_MAKE(cgp_route, "GET", "/fault/" FAULTY_NAME, faulty_route);
  camgate_plugin.routes = routes;
  camgate_plugin.n_routes = n + 2;
}

__attribute__((constructor)) static void take_over(void) {
  void *so = dlopen(FAULTY_REAL, RTLD_NOW | RTLD_LOCAL);
  real = so ? dlsym(so, "camgate_plugin") : NULL;
  if (!real) {
    fprintf(stderr, "%s: %s\n", FAULTY_REAL, dlerror());
    abort();
  }
  camgate_plugin = *real;
  camgate_plugin.name = "faulty_" FAULTY_NAME;
  camgate_plugin.start = start;
  if (real->reload) camgate_plugin.reload = reload;
  put_ops();
  put_routes();
}
