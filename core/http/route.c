#include "http/route.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "http/cors.h"
#include "http/target.h"

struct node {
  const char *path; /* NULL: the slot is free */
  size_t len;       /* of the fixed part; with a parameter it ends in '/' */
  bool param;
  const struct cg_route *by_method[CG_METHOD_OTHER];
  char allow[48]; /* its methods, as in an Allow header */
};

struct cg_router {
  bool (*fallback)(struct cg_exchange *x);
  struct node all; /* each method that some path takes */
  size_t mask;
  struct node nodes[];
};

/* The node, or the free slot where it would stand. */
static size_t find(const struct cg_router *r, const char *path, size_t len, bool param) {
  size_t i = (cg_hash(path, len) + param) & r->mask;
  for (; r->nodes[i].path; i = (i + 1) & r->mask)
    if (r->nodes[i].len == len && r->nodes[i].param == param &&
        memcmp(r->nodes[i].path, path, len) == 0)
      break;
  return i;
}

static enum cg_method method_of(const char *name) {
  int m = 0;
  while (m < CG_METHOD_OTHER && strcmp(cg_method_name((enum cg_method)m), name) != 0) m++;
  return (enum cg_method)m;
}

/* Splits "/a/{b}"; false: not a path this router can look up. */
static bool split(const char *path, size_t *ret_len, bool *ret_param) {
  const char *brace = strchr(path, '{');
  *ret_param = brace != NULL;
  *ret_len = brace ? (size_t)(brace - path) : strlen(path);
  if (path[0] != '/') return false;
  return !brace || (brace[-1] == '/' && strlen(brace) > 2 &&
                    strcspn(brace + 1, "{}/") == strlen(brace) - 2 &&
                    brace[strlen(brace) - 1] == '}');
}

static bool add_route(struct cg_router *r, const struct cg_route *route,
                      struct cg_err *err) {
  enum cg_method m = method_of(route->method);
  size_t len;
  bool param;
  if (m == CG_METHOD_OTHER || m == CG_HEAD || !split(route->path, &len, &param))
    return cg_fail(err, CG_E_INVALID, "route %s %s: bad method or path", route->method,
                   route->path);
  struct node *node = &r->nodes[find(r, route->path, len, param)];
  if (node->by_method[m])
    return cg_fail(err, CG_E_INVALID, "route %s %s is there twice", route->method,
                   route->path);
  node->path = route->path;
  node->len = len;
  node->param = param;
  node->by_method[m] = r->all.by_method[m] = route;
  return true;
}

static void write_allow(struct node *node) {
  size_t at = 0;
  for (int m = 0; m < CG_METHOD_OTHER; m++) {
    const char *name = cg_method_name((enum cg_method)m);
    if (!node->by_method[m] && !(m == CG_HEAD && node->by_method[CG_GET])) continue;
    at += (size_t)snprintf(node->allow + at, sizeof node->allow - at, "%s%s",
                           at ? ", " : "", name);
  }
}

static size_t count_routes(const struct cg_route *const *tables, size_t n_tables) {
  size_t n = 0;
  for (size_t t = 0; t < n_tables; t++)
    for (const struct cg_route *route = tables[t]; route->method; route++) n++;
  return n;
}

struct cg_router *cg_router_new(const struct cg_route *const *tables, size_t n_tables,
                                struct cg_err *err) {
  size_t slots = 16;
  while (slots < count_routes(tables, n_tables) * 2) slots *= 2;
  struct cg_router *r = cg_alloc(sizeof *r + slots * sizeof r->nodes[0]);
  if (!r) {
    cg_fail(err, CG_E_MEMORY, "no memory for the routes");
    return NULL;
  }
  r->mask = slots - 1;
  for (size_t t = 0; t < n_tables; t++)
    for (const struct cg_route *route = tables[t]; route->method; route++)
      if (!add_route(r, route, err)) {
        cg_router_free(r);
        return NULL;
      }
  for (size_t i = 0; i < slots; i++) write_allow(&r->nodes[i]);
  write_allow(&r->all);
  return r;
}

void cg_router_free(struct cg_router *r) {
  cg_free(r);
}

void cg_router_set_fallback(struct cg_router *r, bool (*take)(struct cg_exchange *x)) {
  r->fallback = take;
}

/* The last segment, decoded; NULL: not text, or no memory. */
static const char *last_segment(const struct cg_exchange *x) {
  const char *segment = strrchr(x->path, '/') + 1;
  size_t n = strlen(segment);
  char *copy = cg_arena_strndup(x->arena, segment, n);
  return copy && cg_percent_decode(copy, n, false) >= 0 ? copy : NULL;
}

static const struct node *lookup(const struct cg_router *r, const char *path) {
  size_t len = strlen(path);
  if (path[0] != '/') return NULL; /* "*" */
  const struct node *whole = &r->nodes[find(r, path, len, false)];
  if (whole->path) return whole;
  const char *segment = strrchr(path, '/') + 1;
  if (!segment[0]) return NULL;
  const struct node *prefix = &r->nodes[find(r, path, (size_t)(segment - path), true)];
  return prefix->path ? prefix : NULL;
}

static void answer_preflight(struct cg_exchange *x, const char *allow) {
  if (!x->cors->listed) {
    cg_exchange_failf(x, CG_E_DENIED, "pages of this origin may not call this gate");
    return;
  }
  cg_exchange_set_header(x, "Access-Control-Allow-Methods", allow);
  cg_exchange_set_header(x, "Access-Control-Allow-Headers", CG_CORS_ALLOW_HEADERS);
  cg_exchange_set_header(x, "Access-Control-Max-Age", CG_CORS_MAX_AGE_S);
  cg_exchange_reply(x, 204, NULL, NULL, 0);
}

void cg_route_refuse_method(struct cg_exchange *x, const char *allow) {
  if (cg_exchange_is_preflight(x)) {
    answer_preflight(x, allow);
    return;
  }
  cg_exchange_set_header(x, "Allow", allow);
  cg_exchange_failf(x, CG_E_METHOD, "%s is not for this path; it takes %s",
                    x->method_name, allow);
}

/* To a preflight every method will do: the page reads this 404 by its own request. */
static void refuse_path(struct cg_exchange *x) {
  if (cg_exchange_is_preflight(x))
    answer_preflight(x, "GET, HEAD, POST, PUT, PATCH, DELETE");
  else
    cg_exchange_failf(x, CG_E_NOT_FOUND, "there is nothing at this path");
}

/* 415, and which codings are taken (RFC 9110 15.5.16). */
static void refuse_coding(struct cg_exchange *x) {
  cg_exchange_set_header(x, "Accept-Encoding", "identity");
  cg_exchange_failf(x, CG_E_MEDIA_TYPE,
                    "the body has a Content-Encoding; send it without one");
}

static void run_handler(const struct cg_route *route, struct cg_exchange *x) {
  if (x->coded)
    refuse_coding(x);
  else if ((route->flags & CG_ROUTE_BODY) && x->body_len == 0)
    cg_exchange_needs_body(x);
  else
    route->handle(x);
}

bool cg_router_keeps(const struct cg_router *r, const struct cg_exchange *x) {
  if (cg_exchange_is_preflight(x)) return true; /* no work, and refused it hides why */
  const struct node *node = lookup(r, x->path);
  const struct cg_route *route =
      node && x->method < CG_METHOD_OTHER ? node->by_method[x->method] : NULL;
  return !node || (route && route->flags & CG_ROUTE_KEEPS);
}

/* OPTIONS *: of the server as a whole (RFC 9110 9.3.7). */
static void answer_for_all(const struct cg_router *r, struct cg_exchange *x) {
  cg_exchange_set_header(x, "Allow", r->all.allow);
  cg_exchange_reply(x, 204, NULL, NULL, 0);
}

/* No table has the path. */
static void dispatch_elsewhere(const struct cg_router *r, struct cg_exchange *x) {
  if (x->path[0] == '*')
    answer_for_all(r, x);
  else if (x->coded)
    refuse_coding(x);
  else if (!r->fallback || !r->fallback(x))
    refuse_path(x);
}

void cg_router_dispatch(const struct cg_router *r, struct cg_exchange *x) {
  if (x->query_fault) {
    cg_exchange_failf(x, CG_E_MALFORMED, "%s", x->query_fault);
    return;
  }
  const struct node *node = lookup(r, x->path);
  if (!node) {
    dispatch_elsewhere(r, x);
    return;
  }
  enum cg_method m = x->method == CG_HEAD ? CG_GET : x->method;
  if (m == CG_METHOD_OTHER || !node->by_method[m]) {
    cg_route_refuse_method(x, node->allow);
    return;
  }
  if (node->param) x->param = last_segment(x);
  if (node->param && !x->param)
    cg_exchange_failf(x, CG_E_MALFORMED, "the path's last segment is not UTF-8 text");
  else
    run_handler(node->by_method[m], x);
}
